//! SQL over a dataset, by `DataFusion`, which stays in this folder.
//!
//! A table of the dataset is a table of the engine, with the column `dt` for its days. Its files are
//! those that commits name. Days are left out by conditions on `dt` and on `ts`, row groups and pages by
//! the statistics of their columns, columns by not being asked for.

mod days;
mod error;
mod files;
mod functions;
mod inventory;
mod keep;
mod lifecycle;
mod places;
mod spill;
mod total;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use futures::stream::{BoxStream, StreamExt};

use crate::cpu;
use crate::formats;
use crate::ledger::Journal;
use crate::schema::Layout;
use crate::store::Store;
use crate::units::Day;

use days::DayTable;
use files::DatasetFiles;
use spill::Spill;
use turns::TakeTurns;

pub use error::QueryError;
pub use keep::Kept;
pub use lifecycle::{Bucket, LOGS, Wanted};
pub use places::{Known, Places};

/// What a query may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of memory. Sorts, joins and groups get half of it; sorts and plain groups go on on
    /// disk when that is used up, others fail. The rest is for what is read. What a single function
    /// makes of a value is not counted.
    pub memory: u64,
    /// Folder for what does not fit into memory.
    pub spill: PathBuf,
}

/// A dataset as of one commit, ready to be asked.
pub struct Engine {
    context: SessionContext,
    files: Arc<DatasetFiles>,
    tables: BTreeMap<String, TableSize>,
    known: Known,
    memory: u64,
    /// Removed with the engine.
    spill: Spill,
}

/// How large a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSize {
    /// Its rows.
    pub rows: u64,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// First and last day with rows.
    pub days: Option<(Day, Day)>,
}

/// A statement that can be run.
#[derive(Clone, Debug)]
pub struct Query(Statement);

/// Rows as they come.
pub struct Answer {
    /// Their columns.
    pub schema: SchemaRef,
    /// The rows, in batches of some thousand. To drop it ends the query.
    pub batches: BoxStream<'static, Result<RecordBatch, QueryError>>,
}

/// Memory of each of the engine's own caches: footers of files, and what they tell of columns.
const CACHES: u64 = 16 << 20;

const PLACE: &str = "dataset://files/";

/// More groups in a row than there can be.
const NEVER: f64 = 2.0;

impl Engine {
    /// Reads the commits of a dataset below `base` (empty, or ending in `/`).
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn open(
        store: Arc<dyn Store>,
        base: &str,
        limits: &Limits,
    ) -> Result<Self, QueryError> {
        let live = Journal::new(Arc::clone(&store), base).live_files().await?;
        if live.head == 0 {
            return Err(QueryError::NoDataset);
        }
        let mut tables: BTreeMap<String, TableSize> = BTreeMap::new();
        for file in live.files.values() {
            let size = tables.entry(file.table.clone()).or_default();
            size.rows += file.rows;
            size.files += 1;
            size.bytes += file.bytes;
            let (first, last) = size.days.unwrap_or((file.day, file.day));
            size.days = Some((first.min(file.day), last.max(file.day)));
        }
        let sizes = live.files.into_iter();
        let sizes = sizes.map(|(path, file)| (path, file.bytes)).collect();
        let files = Arc::new(DatasetFiles::new(store, base, sizes));
        let spill = Spill::new_in(&limits.spill).map_err(|error| QueryError::Temporary {
            folder: limits.spill.display().to_string(),
            error,
        })?;
        let context = context(&files, limits.memory, spill.path())?;
        let engine = Self {
            context,
            files,
            tables,
            known: Known::default(),
            memory: limits.memory,
            spill,
        };
        for table in engine.tables.keys() {
            engine.register(table).await?;
        }
        Ok(engine)
    }

    async fn register(&self, table: &str) -> Result<(), QueryError> {
        let place = ListingTableUrl::parse(format!("{PLACE}{table}/"))?;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension(".parquet")
            .with_table_partition_cols(vec![("dt".to_owned(), DataType::Date32)]);
        let schema = match formats::find(table) {
            Some(format) => plain(&Layout::of(format).schema),
            // A table of a newer version of this program.
            None => options.infer_schema(&self.context.state(), &place).await?,
        };
        let config = ListingTableConfig::new(place)
            .with_listing_options(options)
            .with_schema(schema);
        let runtime = self.context.runtime_env();
        let known = runtime.cache_manager.get_file_statistic_cache();
        let listing = ListingTable::try_new(config)?.with_cache(known);
        let provider = Arc::new(DayTable::new(Arc::new(listing)));
        self.context.register_table(table, provider)?;
        Ok(())
    }

    /// Lets the functions of addresses know what these databases do; without any they are errors.
    #[must_use]
    pub fn with_places(mut self, places: Places) -> Self {
        self.known = places.known();
        for function in functions::located(Some(&Arc::new(places))) {
            self.context.register_udf(function);
        }
        self
    }

    /// What is known of addresses.
    pub fn known(&self) -> Known {
        self.known
    }

    /// The tables.
    pub fn tables(&self) -> &BTreeMap<String, TableSize> {
        &self.tables
    }

    /// The days that a table has rows of.
    pub fn days(&self, table: &str) -> BTreeSet<Day> {
        self.files.days(table)
    }

    /// Columns of a table and their types, as SQL calls them; `None` if there is no such table.
    pub async fn columns(&self, table: &str) -> Option<Vec<(String, String)>> {
        let table = self.context.table_provider(table).await.ok()?;
        let schema = table.schema();
        let columns = schema.fields().iter();
        let columns = columns.map(|field| (field.name().clone(), sql_type(field.data_type())));
        Some(columns.collect())
    }

    /// Takes SQL text apart.
    ///
    /// # Errors
    /// [`QueryError::Sql`].
    pub fn statements(&self, sql: &str) -> Result<Vec<Query>, QueryError> {
        let mut parser = DFParserBuilder::new(sql).build()?;
        let statements = parser.parse_statements()?;
        Ok(statements.into_iter().map(Query).collect())
    }

    /// Begins to run a statement.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn run(&self, query: Query) -> Result<Answer, QueryError> {
        let state = self.context.state();
        let plan = state.statement_to_plan(query.0).await;
        let plan = plan.map_err(|error| self.explain(error.into()))?;
        let is_view = matches!(plan, LogicalPlan::Ddl(DdlStatement::CreateView(_)));
        let allowed = SQLOptions::new()
            .with_allow_ddl(is_view)
            .with_allow_dml(false)
            .with_allow_statements(false);
        allowed
            .verify_plan(&plan)
            .map_err(|error| QueryError::ReadOnly(QueryError::from(error).to_string()))?;
        let frame = self.context.execute_logical_plan(plan).await?;
        let batches = frame.execute_stream().await?;
        Ok(Answer {
            schema: batches.schema(),
            batches: batches.map(|batch| Ok(batch?)).boxed(),
        })
    }

    /// Names and meanings of the functions that are not those of every SQL.
    pub fn functions(&self) -> Vec<(&'static str, &'static str)> {
        functions::described().collect()
    }

    /// Requests made and bytes read so far.
    pub fn read_so_far(&self) -> (u64, u64) {
        self.files.read_so_far()
    }

    /// Says which tables there are where one was not found.
    fn explain(&self, error: QueryError) -> QueryError {
        match error {
            QueryError::Sql(text) if text.starts_with("table '") => {
                let missing = text.split('\'').nth(1).unwrap_or_default();
                let name = missing.rsplit('.').next().unwrap_or_default();
                let known: BTreeSet<&str> = self.tables.keys().map(String::as_str).collect();
                let known: Vec<&str> = known.into_iter().collect();
                let known = match known.as_slice() {
                    _ if name == inventory::INVENTORY => "name one with --inventory".to_owned(),
                    [] => "the dataset has none yet".to_owned(),
                    known => format!("the dataset has {}", known.join(", ")),
                };
                QueryError::Sql(format!("there is no table {name}; {known}"))
            }
            other => other,
        }
    }
}

fn context(
    files: &Arc<DatasetFiles>,
    memory: u64,
    spill: &Path,
) -> Result<SessionContext, QueryError> {
    let pool = usize::try_from(memory / 2).unwrap_or(usize::MAX);
    let caches = usize::try_from(CACHES.min(memory / 16)).unwrap_or(usize::MAX);
    let spill = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spill.to_owned()]));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(pool)))
        .with_disk_manager_builder(spill)
        .with_metadata_cache_limit(caches)
        .with_file_statistics_cache_limit(caches)
        .build_arc()?;
    let place = ObjectStoreUrl::parse(PLACE)?;
    runtime.register_object_store(place.as_ref(), Arc::clone(files) as _);
    let config = SessionConfig::new()
        .with_information_schema(true)
        .with_target_partitions(cpu::threads())
        .set_bool("datafusion.execution.parquet.pushdown_filters", true)
        // Rows that are dealt out to partitions go to disk when memory is short, and what waits for them there may
        // wait for ever. Files are still read, and their rows grouped, on all cores.
        .set_bool("datafusion.optimizer.repartition_aggregations", false)
        .set_bool("datafusion.optimizer.repartition_joins", false)
        .set_bool("datafusion.optimizer.repartition_windows", false)
        .set_bool("datafusion.optimizer.enable_round_robin_repartition", false)
        // Where nearly each row is a group, some aggregates (percentile_cont) end the program when rows are
        // handed on as groups of one.
        .set(
            "datafusion.execution.skip_partial_aggregation_probe_ratio_threshold",
            &ScalarValue::Float64(Some(NEVER)),
        );
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_default_features()
        .with_physical_optimizer_rule(Arc::new(TakeTurns))
        .build();
    let context = SessionContext::new_with_state(state);
    for function in functions::all() {
        context.register_udf(function);
    }
    context.register_udaf(total::total());
    Ok(context)
}

/// The engine groups and compares plain text faster than dictionaries.
fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let text = matches!(field.data_type(), DataType::Dictionary(..) | DataType::Utf8);
        let data_type = if text {
            DataType::Utf8View
        } else {
            field.data_type().clone()
        };
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Timestamp(..) => "TIMESTAMP".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..) => {
            "VARCHAR".to_owned()
        }
        other => other.to_string(),
    }
}
