//! A film as a page of HTML that needs nothing else.
//!
//! The film is the GIF. Where scripts run, the page reads that same GIF and shows it with a slider; where
//! not, it is a picture that moves. What the frames say stands below in a table.

use std::fmt::Write as _;
use std::io::{self, Write};

use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::write::EncoderWriter;

use super::caption::time_text;
use super::layout::Size;
use super::{Counts, MovingPicture, Screen, Timeline};
use crate::units::{grouped, steers};

const STYLE: &str = include_str!("player.css");
const SCRIPT: &str = include_str!("player.js");

/// Characters of a title that are shown.
const LONGEST: usize = 300;

/// A page under way; the GIF goes into it as it comes.
pub struct Page<W: Write> {
    film: MovingPicture<EncoderWriter<'static, GeneralPurpose, W>>,
}

impl<W: Write> Page<W> {
    /// Begins a page.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn new(mut to: W, title: &str, size: Size, frames_per_second: u16) -> io::Result<Self> {
        let title = escaped(title);
        let Size { width, height } = size;
        write!(
            to,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}: the life of its objects</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body>\n<main>\n<h1>{title}: the life of its objects</h1>\n\
             <figure id=\"film\" data-fps=\"{frames_per_second}\">\n\
             <img id=\"picture\" width=\"{width}\" height=\"{height}\" \
             alt=\"Objects of {title} as coloured squares, as they are created, marked deleted and \
             removed. The numbers are in the table below.\" src=\"data:image/gif;base64,"
        )?;
        let encoder = EncoderWriter::new(to, &STANDARD);
        let film = MovingPicture::new(encoder, size, frames_per_second)?;
        Ok(Self { film })
    }

    /// Ends the page with what each frame shows.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn finish(self, timeline: Timeline, counts: &[Counts]) -> io::Result<W> {
        let mut to = self.film.finish()?.finish()?;
        let rows = (0..).zip(counts).map(|(frame, counts)| {
            let time = time_text(timeline, frame);
            (time, counts)
        });
        let mut table = String::new();
        for (time, counts) in rows {
            let _ = write!(table, "<tr><th scope=\"row\">{time}</th>");
            for count in [
                counts.not_yet,
                counts.present,
                counts.marked,
                counts.expired,
                counts.gone,
                counts.moved,
            ] {
                let _ = write!(table, "<td>{}</td>", grouped(count));
            }
            table.push_str("</tr>\n");
        }
        write!(
            to,
            "\">\n</figure>\n<details>\n<summary>The numbers of each frame</summary>\n<table>\n\
             <thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Not yet</th>\
             <th scope=\"col\">Present</th><th scope=\"col\">Delete marker</th>\
             <th scope=\"col\">Expired</th><th scope=\"col\">Gone</th><th scope=\"col\">Moved</th>\
             </tr></thead>\n<tbody id=\"numbers\">\n{table}</tbody>\n</table>\n</details>\n</main>\n\
             <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
        )?;
        Ok(to)
    }
}

impl<W: Write> Screen for Page<W> {
    fn show(&mut self, dots: &[u8], last: bool) -> io::Result<()> {
        self.film.show(dots, last)
    }
}

/// Names of buckets and prefixes as text in HTML, wherever that stands.
fn escaped(text: &str) -> String {
    let mut page = String::new();
    for letter in text.chars().take(LONGEST) {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            '\'' => page.push_str("&#39;"),
            letter if steers(letter) => page.push('\u{fffd}'),
            letter => page.push(letter),
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_the_film_and_its_numbers() {
        let size = Size {
            width: 2,
            height: 1,
        };
        let mut page = Page::new(Vec::new(), "<b>\"&\u{202e}", size, 20).expect("a writer");
        let mut alone = MovingPicture::new(Vec::new(), size, 20).expect("a writer");
        for screen in [&mut page as &mut dyn Screen, &mut alone] {
            screen.show(&[1, 2], false).expect("room");
            screen.show(&[2, 2], true).expect("room");
        }
        let timeline = Timeline {
            from: 0,
            step: 3_600_000_000,
            frames: 2,
        };
        let counts = [
            Counts::default(),
            Counts {
                present: 1234,
                ..Counts::default()
            },
        ];
        let page = page.finish(timeline, &counts).expect("room");
        let page = String::from_utf8(page).expect("text");
        let film = base64::Engine::encode(&STANDARD, alone.finish().expect("room"));
        assert!(page.contains(&format!("src=\"data:image/gif;base64,{film}\">")));
        assert!(page.contains("<title>&lt;b&gt;&quot;&amp;\u{fffd}: the life"));
        assert!(
            page.contains("1970-01-01 01:00 UTC</th><td>0</td><td>1,234</td>"),
            "{page}"
        );
        for outside in ["http://", "https://", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
