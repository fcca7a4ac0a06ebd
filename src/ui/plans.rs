//! What a run would do, in words and tables. Pure.

use std::fmt::Write as _;

use crate::jobs::sync::Planned;
use crate::units::ByteSize;

use super::summary::not_listed;
use super::tables::{Table, count, number};

/// What a dry run of `sync` or `convert` tells.
pub fn plan_text(planned: &Planned) -> String {
    let mut text = String::new();
    if !planned.days.is_empty() {
        let mut table = Table::new(&["day", "format", ">objects", ">bytes"]);
        for ((day, format), (objects, bytes)) in &planned.days {
            table.row([
                day.to_string(),
                (*format).to_owned(),
                number(*objects),
                ByteSize(*bytes).to_string(),
            ]);
        }
        text = table.render();
        text.push('\n');
    }
    let objects = &planned.objects;
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        text,
        "{} ({}) of {} listed would be done, in {}",
        count(objects.new, "object"),
        ByteSize(planned.bytes),
        number(objects.listed),
        count(planned.batches, "batch")
    );
    if planned.open_intents > 0 {
        let _ = writeln!(
            text,
            "{} that broke off would be finished first",
            count(planned.open_intents, "batch")
        );
    }
    let others = [
        (
            objects.remembered,
            "failed before, not tried again without --retry-failed",
        ),
        (objects.ignored, "known to be no logs"),
        (
            objects.changed,
            "replaced in the source after being read, and not read again",
        ),
    ];
    for (value, words) in others {
        if value > 0 {
            let _ = writeln!(text, "{} {words}", number(value));
        }
    }
    text.push_str(&not_listed(&planned.not_listed));
    text.push_str("dry run: nothing was read or written\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ObjectCounts;

    #[test]
    fn a_plan_in_words() {
        let mut planned = Planned {
            objects: ObjectCounts {
                listed: 6000,
                new: 5000,
                remembered: 2,
                ..ObjectCounts::default()
            },
            bytes: 3 << 20,
            batches: 3,
            open_intents: 1,
            ..Planned::default()
        };
        for (day, format) in [("2024-02-28", "s3-access"), ("2024-02-29", "unknown")] {
            let day = day.parse().expect("a day");
            planned.days.insert((day, format), (2500, 3 << 19));
        }
        assert_eq!(
            plan_text(&planned),
            "day         format     objects    bytes\n\
             2024-02-28  s3-access    2,500  1.5 MiB\n\
             2024-02-29  unknown      2,500  1.5 MiB\n\
             \n\
             5,000 objects (3.0 MiB) of 6,000 listed would be done, in 3 batches\n\
             1 batch that broke off would be finished first\n\
             2 failed before, not tried again without --retry-failed\n\
             dry run: nothing was read or written\n"
        );
    }
}
