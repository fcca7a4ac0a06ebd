//! Joins, which can give far more rows than they read, take turns with what else waits for their thread.
//!
//! The engine lets go of a thread where rows are read. A product of tables reads few and computes for hours,
//! during which nothing else on that thread is asked, not even whether the query is wanted any more.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Counts the batches of whatever reads two inputs, so that its task is set aside after some.
#[derive(Debug)]
pub(super) struct TakeTurns;

impl PhysicalOptimizerRule for TakeTurns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let counted = plan.transform_up(|plan| {
            Ok(if plan.children().len() > 1 {
                Transformed::yes(Arc::new(CooperativeExec::new(plan)) as _)
            } else {
                Transformed::no(plan)
            })
        });
        Ok(counted?.data)
    }

    fn name(&self) -> &'static str {
        "take_turns"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures::{StreamExt as _, poll};

    use super::super::context;
    use super::super::files::DatasetFiles;
    use super::*;
    use crate::store::MemoryStore;

    /// Without the rule each of these is done within a turn or two.
    #[tokio::test]
    async fn a_product_is_not_computed_in_one_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(MemoryStore::default());
        let files = Arc::new(DatasetFiles::new(store, "", BTreeMap::new()));
        let context = context(&files, 256 << 20, folder.path()).expect("a context");
        let series = "generate_series(1, 3000)";
        for sql in [
            format!("SELECT sum(a.value * b.value) FROM {series} a CROSS JOIN {series} b"),
            format!("SELECT count(*) FROM {series} a JOIN {series} b ON a.value % 2 + b.value > 2"),
        ] {
            let frame = context.sql(&sql).await.expect("a plan");
            let mut rows = frame.execute_stream().await.expect("a stream");
            for turn in 0..5 {
                assert!(poll!(rows.next()).is_pending(), "{turn}: {sql}");
                tokio::task::yield_now().await;
            }
        }
    }
}
