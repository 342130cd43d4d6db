//! The flowchart as SVG: two lanes side by side, each a column of questions with their endings to the right.

mod text;

use std::fmt::{self, Write};

use super::diagram::{Content, Diagram, Ending, Lane, REST};
use text::{escaped, wrapped};

/// In user units: the width in pixels of the text column of a README.
const WIDTH: u32 = 900;
const MARGIN: u32 = 14;
const BETWEEN_LANES: u32 = 16;
const QUESTION_WIDTH: u32 = 240;
const ARROW_WIDTH: u32 = 28;
const ENDING_WIDTH: u32 = 160;
const LANE_WIDTH: u32 = QUESTION_WIDTH + ARROW_WIDTH + ENDING_WIDTH;
/// The space around the text of a box.
const PADDING: u32 = 8;
/// The distance between boxes.
const STEP: u32 = 24;
/// The height of a line of text.
const LINE: u32 = 16;
const ID_LINE: u32 = 13;
/// How many characters fit on a line of a question, an ending and an id, with the usual fonts.
const QUESTION_TEXT: usize = 29;
const ENDING_TEXT: usize = 25;
const ID_TEXT: usize = 37;

const STYLE: &str = "\
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { font: 12px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
  .start, .question { fill: #f6f8fa; stroke: #8c959f }
  .title { font-weight: 600; text-anchor: middle }
  .words { font-weight: 600 }
  .id { font: 10px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
  .id, .note { fill: #59636e }
  .note { font-size: 11px }
  .ending { font-size: 11px; text-anchor: middle }
  .way { stroke: #59636e; fill: none }
  .tip { fill: #59636e }
  .on { fill: #f6f8fa; stroke: #8c959f }
  .proxy { fill: #ddf4ff; stroke: #0969da }
  .leave { fill: #dafbe1; stroke: #1a7f37 }
  .drop { fill: #ffebe9; stroke: #cf222e }
  .unknown { fill: #fff8c5; stroke: #9a6700 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    text { fill: #e6edf3 }
    .start, .question, .on { fill: #151b23; stroke: #656c76 }
    .id, .note { fill: #9198a1 }
    .way { stroke: #9198a1 }
    .tip { fill: #9198a1 }
    .proxy { fill: #0c2d4f; stroke: #4493f8 }
    .leave { fill: #0f2d1a; stroke: #3fb950 }
    .drop { fill: #3c1618; stroke: #f85149 }
    .unknown { fill: #341f00; stroke: #d29922 }
  }
";

/// The diagram as SVG 1.1 that follows the reader's colour scheme (`prefers-color-scheme`).
#[must_use]
pub fn svg(diagram: &Diagram) -> String {
    let mut drawn = String::new();
    let mut height = 0;
    for (lane, left) in diagram
        .lanes
        .iter()
        .zip([MARGIN, MARGIN + LANE_WIDTH + BETWEEN_LANES])
    {
        let mut drawing = Drawing {
            shapes: &mut drawn,
            left,
            y: MARGIN,
        };
        drawing.lane(lane).expect("writing to a string succeeds");
        height = height.max(drawing.y + MARGIN);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>The path of a connection through the rules</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         {drawn}</svg>\n",
        WIDTH - 1,
        height - 1,
    )
}

/// A lane under construction.
struct Drawing<'a> {
    shapes: &'a mut String,
    left: u32,
    /// The top of the next box.
    y: u32,
}

impl Drawing<'_> {
    fn lane(&mut self, lane: &Lane) -> fmt::Result {
        let height = height(1 + usize::from(lane.note.is_some()), 0);
        self.rectangle("start", self.left, QUESTION_WIDTH, self.y, height, 16)?;
        let middle = self.left + QUESTION_WIDTH / 2;
        let baseline = self.y + PADDING + 12;
        self.text("title", middle, baseline, lane.title)?;
        self.text(
            "ending",
            middle,
            baseline + LINE,
            lane.note.unwrap_or_default(),
        )?;
        self.y += height;
        for node in lane.nodes() {
            self.arrow_down(node.arrow)?;
            match node.content {
                Content::Heading(title) => self.heading(title)?,
                Content::Question(question) => {
                    let words = wrapped(&question.words, QUESTION_TEXT);
                    let values = wrapped(&question.values, QUESTION_TEXT);
                    let id = wrapped(&question.id, ID_TEXT);
                    self.row(&words, &values, &id, &question.ending, "yes")?;
                }
                Content::Rest(ending) => self.row(&[REST.to_owned()], &[], &[], ending, "")?,
            }
        }
        Ok(())
    }

    /// The arrow from the last box to the next.
    fn arrow_down(&mut self, label: &str) -> fmt::Result {
        let (x, from) = (self.left + QUESTION_WIDTH / 2, self.y);
        self.y += STEP;
        self.arrow(&format!("M{x} {from}V{}", self.y - 5))?;
        self.tip(&format!("M{} {}h8l-4 5z", x - 4, self.y - 6))?;
        self.text("note", x + 7, from + 15, label)
    }

    fn heading(&mut self, title: &str) -> fmt::Result {
        self.y += LINE;
        self.text("note", self.left, self.y - 3, title)?;
        self.y += 4;
        Ok(())
    }

    /// A box with its ending.
    fn row(
        &mut self,
        words: &[String],
        values: &[String],
        id: &[String],
        ending: &Ending,
        label: &str,
    ) -> fmt::Result {
        let outcome = lines_of(ending);
        let height = height(words.len() + values.len(), id.len()).max(height(outcome.len(), 0));
        self.rectangle("question", self.left, QUESTION_WIDTH, self.y, height, 4)?;
        let x = self.left + PADDING;
        let mut baseline = self.y + PADDING + 12;
        for (class, lines, line) in [
            ("words", words, LINE),
            ("note", values, LINE),
            ("id", id, ID_LINE),
        ] {
            for text in lines {
                self.text(class, x, baseline, text)?;
                baseline += line;
            }
        }
        self.ending(ending.class(), &outcome, label, height)?;
        self.y += height;
        Ok(())
    }

    /// The box of an ending, vertically centred on its question.
    fn ending(&mut self, class: &str, lines: &[String], label: &str, row: u32) -> fmt::Result {
        let from = self.left + QUESTION_WIDTH;
        let middle = self.y + row / 2;
        self.arrow(&format!("M{from} {middle}h{}", ARROW_WIDTH - 5))?;
        let tip = from + ARROW_WIDTH - 6;
        self.tip(&format!("M{tip} {}v8l5 -4z", middle - 4))?;
        self.text("note", from + 3, middle - 5, label)?;
        let height = height(lines.len(), 0);
        let (x, y) = (from + ARROW_WIDTH, middle - height / 2);
        self.rectangle(class, x, ENDING_WIDTH, y, height, 12)?;
        for (line, text) in (0..).zip(lines) {
            let baseline = y + PADDING + 12 + line * LINE;
            self.text("ending", x + ENDING_WIDTH / 2, baseline, text)?;
        }
        Ok(())
    }

    fn rectangle(
        &mut self,
        class: &str,
        x: u32,
        width: u32,
        y: u32,
        height: u32,
        corner: u32,
    ) -> fmt::Result {
        writeln!(
            self.shapes,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{corner}\"/>"
        )
    }

    fn text(&mut self, class: &str, x: u32, y: u32, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        let text = escaped(text);
        writeln!(
            self.shapes,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"
        )
    }

    fn arrow(&mut self, path: &str) -> fmt::Result {
        writeln!(self.shapes, "<path class=\"way\" d=\"{path}\"/>")
    }

    fn tip(&mut self, path: &str) -> fmt::Result {
        writeln!(self.shapes, "<path class=\"tip\" d=\"{path}\"/>")
    }
}

/// The height of a box with this many lines of text and of ids.
fn height(lines: usize, ids: usize) -> u32 {
    let count = |lines| u32::try_from(lines).expect("a label has less than 2^32 lines");
    2 * PADDING + count(lines) * LINE + count(ids) * ID_LINE
}

/// The lines of an ending.
fn lines_of(ending: &Ending) -> Vec<String> {
    let mut lines = wrapped(&ending.to_string(), ENDING_TEXT);
    lines.extend(wrapped(ending.listener().unwrap_or_default(), ENDING_TEXT));
    lines
}
