use serde::Serialize;

use crate::formats;
use crate::schema::{Layout, LogFormat};
use crate::ui::{self, Exit, Failure, Table};

use super::{Context, values};

const EXAMPLES: &str = "\
Examples:
  s3logs formats
  s3logs formats cloudfront
  s3logs formats --json s3-access | jq -r 'select(.column) | .column'";

/// Shows the log formats, or the columns of one
///
/// The columns stand in the order of the table, with the type that readers of Parquet see.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// A format, to see its columns
    #[arg(value_name = "NAME", value_parser = values::log_format())]
    name: Option<&'static LogFormat>,
}

#[derive(Serialize)]
struct FormatLine {
    format: &'static str,
    table: &'static str,
    about: &'static str,
    spec: &'static str,
    columns: usize,
}

#[derive(Serialize)]
struct ColumnLine {
    column: &'static str,
    kind: &'static str,
    about: &'static str,
}

#[derive(Serialize)]
struct Shown {
    lines: usize,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let ui = &context.ui;
    let (lines, text) = args.name.map_or_else(all_formats, columns_of);
    if ui.style().json {
        for line in &lines {
            ui.json(line)?;
        }
    } else {
        ui.data(&text)?;
    }
    let shown = Shown { lines: lines.len() };
    ui.conclude(shown, "", Exit::Done)
}

type LinesAndText = (Vec<serde_json::Value>, String);

fn columns_of(format: &LogFormat) -> LinesAndText {
    let columns = columns(format);
    let mut table = Table::new(&["column", "type", "about"]);
    for line in &columns {
        let cells = [line.column, line.kind, line.about];
        table.row(cells.map(str::to_owned));
    }
    (json_lines(columns), table.render())
}

fn all_formats() -> LinesAndText {
    let formats: Vec<FormatLine> = formats::ALL.into_iter().map(format_line).collect();
    let mut table = Table::new(&["format", "table", ">columns", "about", "defined by"]);
    for line in &formats {
        table.row([
            line.format.to_owned(),
            line.table.to_owned(),
            ui::number(line.columns as u64),
            line.about.to_owned(),
            line.spec.to_owned(),
        ]);
    }
    (json_lines(formats), table.render())
}

fn json_lines<T: Serialize>(lines: Vec<T>) -> Vec<serde_json::Value> {
    lines
        .into_iter()
        .map(|line| serde_json::to_value(line).unwrap_or_default())
        .collect()
}

fn format_line(format: &LogFormat) -> FormatLine {
    FormatLine {
        format: format.name,
        table: format.table,
        about: format.about,
        spec: format.spec,
        columns: Layout::of(format).columns.len(),
    }
}

fn columns(format: &LogFormat) -> Vec<ColumnLine> {
    let layout = Layout::of(format);
    layout
        .columns
        .iter()
        .map(|column| ColumnLine {
            column: column.name,
            kind: layout.sql_type(column.name),
            about: column.about,
        })
        .collect()
}
