//! Conditions on the time of an event say which days can have such rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Between;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType, col, lit,
};
use datafusion::physical_plan::ExecutionPlan;

use crate::units::{DAY_MICROS, Day};

/// A table whose files lie in one folder per day of `ts`.
#[derive(Debug)]
pub(super) struct DayTable(Arc<dyn TableProvider>);

impl DayTable {
    pub(super) fn new(files: Arc<dyn TableProvider>) -> Self {
        Self(files)
    }
}

#[async_trait]
impl TableProvider for DayTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut all = filters.to_vec();
        all.extend(filters.iter().filter_map(days_of));
        self.0.scan(state, projection, &all, limit).await
    }
}

/// A condition on `dt` that holds wherever one on `ts` does.
fn days_of(condition: &Expr) -> Option<Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            match (op, days_of(left), days_of(right)) {
                (Operator::And, Some(one), Some(other)) => Some(one.and(other)),
                (Operator::And, one, other) => one.or(other),
                (Operator::Or, Some(one), Some(other)) => Some(one.or(other)),
                _ => compared(left, *op, right).or_else(|| compared(right, op.swap()?, left)),
            }
        }
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => {
            let from = compared(expr, Operator::GtEq, low);
            let to = compared(expr, Operator::LtEq, high);
            match (from, to) {
                (Some(from), Some(to)) => Some(from.and(to)),
                (from, to) => from.or(to),
            }
        }
        _ => None,
    }
}

fn compared(ts: &Expr, op: Operator, time: &Expr) -> Option<Expr> {
    let (Expr::Column(column), Expr::Literal(time, _)) = (ts, time) else {
        return None;
    };
    if column.name != "ts" {
        return None;
    }
    let day = lit(ScalarValue::Date32(Some(day_of(time)?)));
    match op {
        Operator::Gt | Operator::GtEq => Some(col("dt").gt_eq(day)),
        Operator::Lt | Operator::LtEq => Some(col("dt").lt_eq(day)),
        Operator::Eq => Some(col("dt").eq(day)),
        _ => None,
    }
}

/// The day of an instant, as days since 1970.
fn day_of(time: &ScalarValue) -> Option<i32> {
    let micros = match time {
        ScalarValue::TimestampSecond(Some(time), _) => time.checked_mul(1_000_000)?,
        ScalarValue::TimestampMillisecond(Some(time), _) => time.checked_mul(1_000)?,
        ScalarValue::TimestampMicrosecond(Some(time), _) => *time,
        ScalarValue::TimestampNanosecond(Some(time), _) => time.div_euclid(1_000),
        _ => return None,
    };
    i32::try_from(Day::of_micros(micros).start_micros() / DAY_MICROS).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, second: i64) -> Expr {
        let micros = day * DAY_MICROS + second * 1_000_000;
        lit(ScalarValue::TimestampMicrosecond(
            Some(micros),
            Some("+00:00".into()),
        ))
    }

    fn day(day: i32) -> Expr {
        lit(ScalarValue::Date32(Some(day)))
    }

    #[test]
    fn conditions_on_the_time_are_conditions_on_the_day() {
        let (ts, dt) = (|| col("ts"), || col("dt"));
        let either = ts().eq(at(3, 0)).or(ts().eq(at(9, 0)));
        for (condition, days) in [
            (ts().gt(at(19_782, 5)), Some(dt().gt_eq(day(19_782)))),
            (ts().lt(at(-1, 5)), Some(dt().lt_eq(day(-1)))),
            (at(7, 5).gt_eq(ts()), Some(dt().lt_eq(day(7)))),
            (
                ts().between(at(1, 0), at(2, 0)),
                Some(dt().gt_eq(day(1)).and(dt().lt_eq(day(2)))),
            ),
            (
                ts().gt(at(7, 0)).and(col("x").eq(lit(1))),
                Some(dt().gt_eq(day(7))),
            ),
            (either, Some(dt().eq(day(3)).or(dt().eq(day(9))))),
            (ts().gt(at(7, 0)).or(col("x").eq(lit(1))), None),
            (ts().not_eq(at(7, 0)), None),
            (ts().not_between(at(1, 0), at(2, 0)), None),
            (col("x").gt(at(7, 0)), None),
        ] {
            assert_eq!(days_of(&condition), days, "{condition}");
        }
    }
}
