//! Pages hear that something has changed, and renew themselves: an event names the topic, never what became of it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, Interval, interval_at, sleep_until};

use crate::core::app::{App, Call};
use crate::core::caller::{Account, Workspace};
use crate::core::id::Id;
use crate::core::news::{Listener, News, Work};
use crate::core::time::Moment;
use crate::features::news::GetNews;
use crate::http::events::streamed;

use super::page::{Answer, Page};

/// An open stream says this often that it is alive, and looks whether its session is.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// No more than one event in this time.
const PACE: Duration = Duration::from_secs(1);
/// Windows of one person that are told of changes at a time.
const OF_AN_ACCOUNT: usize = 20;
/// What was being written while a page was read is not on it yet.
const OVERLAP_MS: i64 = 250;
/// A page that was away for longer is told of so much only: the journal is not read from its beginning for anybody.
const LONGEST_AWAY_DAYS: i64 = 7;

/// What the page shows, by the topics of [`crate::features::news`]; one that ends with a colon stands for all that begin so.
pub fn topics(page: &Page) -> String {
    let path = page.request().path();
    let mut parts = path.trim_start_matches('/').split('/');
    let (area, name, view) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    match (area, name, view) {
        // A form is not pulled away from under somebody.
        (_, Some("new"), _) | (_, _, Some("edit" | "settings" | "archive" | "delete" | "comments")) => String::new(),
        ("", ..) => "project: crm inbox".to_owned(),
        ("inbox", ..) => "inbox".to_owned(),
        ("projects", None, _) | ("time", None | Some("report"), _) => "project:".to_owned(),
        ("projects", Some(key), _) => format!("project:{key}"),
        ("tasks", Some(key), _) => format!("project:{}", key.rsplit_once('-').map_or(key, |(project, _)| project)),
        ("clients", ..) => "clients project:".to_owned(),
        ("crm", ..) => "crm".to_owned(),
        ("imports", Some(id), None) => format!("import:{id}"),
        _ => String::new(),
    }
}

/// One page's stream, from its first word to its last.
struct Stream {
    app: Arc<App>,
    call: Call,
    account: Id<Account>,
    workspace: Option<Id<Workspace>>,
    /// When the page was made: what the first look is about.
    since: Moment,
    /// How far the journal was read since.
    after: Option<i64>,
    not_before: Instant,
    work: watch::Receiver<Work>,
    told: broadcast::Receiver<(Id<Account>, String)>,
    is_over: watch::Receiver<bool>,
    clock: Interval,
    listener: Listener,
}

/// Tells the page what has changed since it was made, and from then on.
pub async fn listen(page: Page) -> Answer {
    let news = &page.app().news;
    let (oldest, newest) = (page.now.plus_days(-LONGEST_AWAY_DAYS).ms(), page.now.plus_seconds(60).ms());
    let shown_at = page.query().get("since").parse().unwrap_or(page.now.ms()).clamp(oldest, newest);
    let mut work = news.work.subscribe();
    work.mark_changed();
    let stream = Stream {
        app: page.app().clone(),
        call: page.call().clone(),
        account: page.account.id,
        workspace: page.workspace.as_ref().map(|place| Id::from_raw(place.raw_id)),
        since: Moment::from_ms(shown_at - OVERLAP_MS),
        after: None,
        not_before: Instant::now(),
        work,
        told: news.told.subscribe(),
        is_over: news.is_over.subscribe(),
        clock: interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE),
        listener: News::listen(page.app(), page.account.id, OF_AN_ACCOUNT),
    };
    drop(page);
    let hello = stream::once(async { Ok(Bytes::from_static(b": here\n\n")) });
    let events = stream::unfold(stream, |mut stream| async {
        let said = stream.next().await?;
        Some((Ok(said), stream))
    });
    Ok(streamed(futures_util::StreamExt::chain(hello, events)))
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                biased;
                () = over(&mut self.is_over) => return None,
                _ = &mut self.listener.ended => return None,
                told = self.told.recv() => {
                    if let Ok((account, topic)) = told && account == self.account {
                        return Some(event(json!({ "topics": [topic] })));
                    }
                }
                () = changed(&mut self.work, self.not_before) => {
                    if let Some(said) = self.look().await? {
                        return Some(said);
                    }
                }
                _ = self.clock.tick() => {
                    self.app.identity(&self.call).ok()?;
                    return Some(Bytes::from_static(b": alive\n\n"));
                }
            }
        }
    }

    /// What there is to say, if anything; `None` once the person may not look any more.
    async fn look(&mut self) -> Option<Option<Bytes>> {
        let elsewhere_until = {
            let work = self.work.borrow_and_update();
            let here = self.workspace.zip(work.workspaces.as_ref()).map(|(here, written)| written.contains(&here));
            self.after.filter(|after| *after >= work.since && here == Some(false)).map(|after| after.max(work.until))
        };
        if elsewhere_until.is_some() {
            self.after = elsewhere_until;
            return Some(None);
        }
        let look = GetNews { since: self.since, after: self.after };
        let news = Box::pin(self.app.run(self.call.clone(), look)).await.ok()?;
        self.after = Some(news.until);
        if news.topics.is_empty() {
            return Some(None);
        }
        self.not_before = Instant::now() + PACE;
        Some(Some(event(json!({ "topics": news.topics, "by": news.by, "at": news.at.map(Moment::ms) }))))
    }
}

/// The server stops; an error says so too, for whoever would tell is gone.
async fn over(is_over: &mut watch::Receiver<bool>) {
    let _ = is_over.wait_for(|is_over| *is_over).await;
}

/// Something was written, and it is time to say so.
async fn changed(work: &mut watch::Receiver<Work>, not_before: Instant) {
    if work.changed().await.is_err() {
        return std::future::pending().await;
    }
    // Not taken for seen yet: the stream may wake for something else meanwhile.
    work.mark_changed();
    sleep_until(not_before).await;
}

fn event(data: serde_json::Value) -> Bytes {
    format!("data: {data}\n\n").into()
}
