//! `total`: sums of whole numbers that do not wrap, as `sum` does at 2^63.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::ScalarValue;
use datafusion::common::cast::{as_decimal128_array, as_int64_array};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// Digits of a sum: more than 2^126, which is 2^63 rows of the largest numbers.
const DIGITS: u8 = 38;

/// No number so far. No sum is as small.
const NONE: i128 = i128::MIN;

/// Its name and meaning.
pub(super) const DESCRIBED: (&str, &str) = (
    "total",
    "total(number): the sum of whole numbers, which does not wrap at 2^63 as sum does",
);

/// The aggregate.
pub(super) fn total() -> AggregateUDF {
    let signature = Signature::exact(vec![DataType::Int64], Volatility::Immutable);
    AggregateUDF::from(Total { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Total {
    signature: Signature,
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &'static str {
        DESCRIBED.0
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(DIGITS, 0))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            let text = "total knows no DISTINCT".to_owned();
            return Err(DataFusionError::Plan(text));
        }
        Ok(Box::new(Sums(vec![NONE])))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sums::default()))
    }
}

/// The sum of each group.
#[derive(Debug, Default)]
struct Sums(Vec<i128>);

impl Sums {
    fn add<T>(&mut self, values: &PrimitiveArray<T>, groups: &[usize], only: Option<&BooleanArray>)
    where
        T: ArrowPrimitiveType<Native: Into<i128>>,
    {
        let sums = &mut self.0;
        let mut add = |group: usize, value: T::Native| {
            let sum = &mut sums[group];
            *sum = if *sum == NONE { 0 } else { *sum } + value.into();
        };
        let rows = groups.iter().copied();
        if values.null_count() == 0 && only.is_none() {
            rows.zip(values.values())
                .for_each(|(group, value)| add(group, *value));
            return;
        }
        for (row, group) in rows.enumerate() {
            let counts = only.is_none_or(|only| only.is_valid(row) && only.value(row));
            if counts && values.is_valid(row) {
                add(group, values.value(row));
            }
        }
    }

    fn take(&mut self, groups: EmitTo) -> Result<ArrayRef> {
        array(groups.take_needed(&mut self.0))
    }
}

fn array(sums: impl IntoIterator<Item = i128>) -> Result<ArrayRef> {
    let sums = sums.into_iter().map(|sum| (sum != NONE).then_some(sum));
    let sums: PrimitiveArray<Decimal128Type> = sums.collect();
    Ok(Arc::new(sums.with_precision_and_scale(DIGITS, 0)?))
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        only: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.0.resize(count, NONE);
        self.add(as_int64_array(&values[0])?, groups, only);
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.0.resize(count, NONE);
        self.add(as_decimal128_array(&values[0])?, groups, None);
        Ok(())
    }

    fn evaluate(&mut self, groups: EmitTo) -> Result<ArrayRef> {
        self.take(groups)
    }

    fn state(&mut self, groups: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take(groups)?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        only: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut each = Self(vec![NONE; values[0].len()]);
        let rows: Vec<usize> = (0..values[0].len()).collect();
        each.add(as_int64_array(&values[0])?, &rows, only);
        Ok(vec![array(each.0)?])
    }

    fn size(&self) -> usize {
        self.0.capacity() * size_of::<i128>()
    }
}

/// Without groups: one of all rows.
impl Accumulator for Sums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = vec![0; values[0].len()];
        self.add(as_int64_array(&values[0])?, &rows, None);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = vec![0; states[0].len()];
        self.add(as_decimal128_array(&states[0])?, &rows, None);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&array(self.0.iter().copied())?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![Accumulator::evaluate(self)?])
    }

    fn size(&self) -> usize {
        size_of::<i128>()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Decimal128Array, Int64Array};

    use super::*;

    fn sums(array: &ArrayRef) -> Vec<Option<i128>> {
        array.as_primitive::<Decimal128Type>().iter().collect()
    }

    #[test]
    fn groups_are_summed_beyond_64_bits() {
        let mut all = Sums::default();
        let values = [
            Some(i64::MAX),
            None,
            Some(i64::MAX),
            Some(5),
            Some(-7),
            Some(1),
        ];
        let values: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        let only = BooleanArray::from(vec![
            Some(true),
            Some(true),
            Some(true),
            None,
            Some(true),
            Some(false),
        ]);
        let groups = [0, 1, 0, 2, 3, 3];
        GroupsAccumulator::update_batch(&mut all, &[values], &groups, Some(&only), 4)
            .expect("numbers");
        let twice = i128::from(i64::MAX) * 2;
        let state = GroupsAccumulator::state(&mut all, EmitTo::First(2)).expect("a state");
        assert_eq!(sums(&state[0]), [Some(twice), None]);
        let more: ArrayRef = Arc::new(Decimal128Array::from(vec![Some(twice), None]));
        GroupsAccumulator::merge_batch(&mut all, &[more], &[1, 0], 3).expect("sums");
        let rest = GroupsAccumulator::evaluate(&mut all, EmitTo::All).expect("sums");
        assert_eq!(sums(&rest), [None, Some(twice - 7), None]);
    }

    #[test]
    fn rows_become_states_of_their_own() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None, Some(4)]));
        let only = BooleanArray::from(vec![true, true, false]);
        let states = Sums::default()
            .convert_to_state(&[values], Some(&only))
            .expect("states");
        assert_eq!(sums(&states[0]), [Some(3), None, None]);
    }

    #[test]
    fn all_rows_are_a_group() {
        let mut all = Sums(vec![NONE]);
        assert_eq!(
            Accumulator::evaluate(&mut all).expect("a sum"),
            ScalarValue::Decimal128(None, DIGITS, 0)
        );
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(1)]));
        Accumulator::update_batch(&mut all, &[values]).expect("numbers");
        let state = Accumulator::state(&mut all).expect("a state").remove(0);
        Accumulator::merge_batch(&mut all, &[state.to_array().expect("an array")]).expect("a sum");
        assert_eq!(
            Accumulator::evaluate(&mut all).expect("a sum"),
            ScalarValue::Decimal128(Some((i128::from(i64::MAX) + 1) * 2), DIGITS, 0)
        );
    }
}
