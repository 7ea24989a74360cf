//! The report as a picture: bars drawn on the server, in parts of the width, so that they fit every window without a script
//! and their letters keep their size.

use super::report::Group;

/// More bars than anybody tells apart; the table has them all.
const MOST_COLUMNS: usize = 62;
const MOST_LINES: usize = 12;
/// In pixels.
const HEIGHT: i64 = 180;
const HEAD: i64 = 18;
const FOOT: i64 = 22;
const LINE: i64 = 34;
/// So many names fit below one another's columns on a phone.
const NAMES: usize = 6;

pub struct Chart {
    pub height: i64,
    pub bars: Vec<Bar>,
    pub texts: Vec<Text>,
    /// Where the columns stand.
    pub axis: Option<i64>,
    /// For who does not see it.
    pub says: String,
}

/// A rectangle: `x` and `width` in percent.
pub struct Bar {
    pub x: String,
    pub width: String,
    pub y: i64,
    pub height: i64,
    pub class: &'static str,
}

pub struct Text {
    pub x: String,
    pub y: i64,
    pub anchor: &'static str,
    pub class: &'static str,
    pub text: String,
}

fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

impl Chart {
    /// Columns along the time, lines for all else; `None` where there is nothing to compare.
    pub fn of(groups: &[Group], is_along_time: bool) -> Option<Chart> {
        let most = groups.iter().map(|group| group.minutes).max()?;
        let largest = groups.iter().max_by_key(|group| group.minutes)?;
        let mut chart = match is_along_time {
            true => Chart::columns(&groups[groups.len().saturating_sub(MOST_COLUMNS)..], most),
            false => Chart::lines(&groups[..groups.len().min(MOST_LINES)], most),
        };
        let count = groups.len();
        chart.says = format!(
            "{count} bars; the longest is {} with {}. The table below has the figures.",
            largest.name, largest.total
        );
        Some(chart)
    }

    fn columns(groups: &[Group], most: i64) -> Chart {
        let room = 1.0 / groups.len() as f64;
        let scale = |minutes: i64| (minutes as f64 / most as f64 * (HEIGHT - HEAD - FOOT) as f64).round() as i64;
        let floor = HEIGHT - FOOT;
        let each = groups.len().div_ceil(NAMES);
        let mut chart =
            Chart { height: HEIGHT, bars: Vec::new(), texts: Vec::new(), axis: Some(floor), says: String::new() };
        for (at, group) in groups.iter().enumerate() {
            let x = room * at as f64;
            let (all, billable) = (scale(group.minutes).max(1), scale(group.billable_minutes));
            let mut bar = |y, height, class| {
                let (x, width) = (percent(x + room * 0.15), percent((room * 0.7).min(0.12)));
                chart.bars.push(Bar { x, width, y, height, class });
            };
            bar(floor - billable, billable, "billable");
            bar(floor - all, all - billable, "other");
            if at % each == 0 {
                let x = percent(x + room * 0.15);
                let text = group.short.clone();
                chart.texts.push(Text { x, y: HEIGHT - 6, anchor: "start", class: "name", text });
            }
            if groups.len() <= NAMES {
                let (x, y) = (percent(x + room * 0.15), floor - all - 5);
                chart.texts.push(Text { x, y, anchor: "start", class: "value", text: group.total.clone() });
            }
        }
        chart
    }

    fn lines(groups: &[Group], most: i64) -> Chart {
        let height = LINE * groups.len() as i64;
        let mut chart = Chart { height, bars: Vec::new(), texts: Vec::new(), axis: None, says: String::new() };
        for (group, top) in groups.iter().zip((0..).step_by(LINE as usize)) {
            let part = |minutes: i64| minutes as f64 / most as f64;
            let mut bar = |from: i64, minutes: i64, class| {
                let (x, width) = (percent(part(from)), percent(part(minutes)));
                chart.bars.push(Bar { x, width, y: top + 16, height: 10, class });
            };
            bar(0, group.billable_minutes, "billable");
            bar(group.billable_minutes, group.minutes - group.billable_minutes, "other");
            let mut text = |x: &str, anchor, class, text| {
                chart.texts.push(Text { x: x.to_owned(), y: top + 11, anchor, class, text });
            };
            text("0%", "start", "name", group.short.clone());
            text("100%", "end", "value", group.total.clone());
        }
        chart
    }
}
