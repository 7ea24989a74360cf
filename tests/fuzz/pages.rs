//! Pages, by their own links and forms.

use std::sync::Mutex;

use ureq::http::Request;

use crate::Target;
use crate::values::{Chance, encoded, spoiled, word};

const KEPT: usize = 2_000;
/// What signs out, or away.
const LOCKS_OUT: [&str; 8] = [
    "/logout",
    "/workspace",
    "/settings/members",
    "/settings/keys",
    "/settings/sessions",
    "/settings/security",
    "/admin/",
    "/delete",
];

/// Where a form goes, and the names of its fields.
type Form = (String, Vec<String>);

#[derive(Default)]
pub struct Pages {
    links: Mutex<Vec<String>>,
    forms: Mutex<Vec<Form>>,
}

fn unescaped(text: &str) -> String {
    text.replace("&amp;", "&").replace("&#38;", "&")
}

fn keep<T>(list: &Mutex<Vec<T>>, item: T, chance: &mut Chance) {
    let mut list = list.lock().unwrap();
    if list.len() < KEPT {
        list.push(item);
    } else {
        list[chance.usize(0..KEPT)] = item;
    }
}

impl Pages {
    fn learn(&self, page: &str, chance: &mut Chance) {
        let until = |text: &str| text.split('"').next().map(unescaped).unwrap_or_default();
        for link in page.split("href=\"").skip(1).map(until).filter(|link| link.starts_with('/')) {
            if chance.u8(0..4) == 0 {
                keep(&self.links, link, chance);
            }
        }
        for form in page.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap_or_default();
            let action = form.split("action=\"").nth(1).map(until).filter(|_| form.contains("method=\"post\""));
            let names = form.split(" name=\"").skip(1).map(until).collect();
            if let Some(action) = action.filter(|action| !LOCKS_OUT.iter().any(|part| action.contains(part))) {
                keep(&self.forms, (action, names), chance);
            }
        }
    }

    pub fn send(&self, target: &Target, chance: &mut Chance) {
        let form = Some(chance.bool())
            .filter(|yes| *yes)
            .and_then(|_| chance.choice(self.forms.lock().unwrap().iter()).cloned());
        let value = |chance: &mut Chance| match chance.u8(0..3) {
            0 => target.pool.name(chance).unwrap_or_default(),
            _ => word(chance),
        };
        let pairs = |names: &[String], chance: &mut Chance| {
            let chosen: Vec<_> = names.iter().filter(|_| chance.u8(0..8) > 0).cloned().collect();
            chosen
                .iter()
                .map(|name| format!("{}={}", encoded(name), encoded(&value(chance))))
                .collect::<Vec<_>>()
                .join("&")
        };
        let request = Request::builder().header("Cookie", format!("sally_session={}", target.api_key));
        let request = request.header("Accept", "text/html").header("Sec-Fetch-Site", "same-origin");
        // As a browser reads the address of a link.
        let base = url::Url::parse(&target.server.url).unwrap();
        let at = |address: &str| {
            base.join(address).ok().filter(|found| found.origin() == base.origin()).unwrap_or(base.clone())
        };
        let (status, kind, text) = match form {
            Some((action, names)) => {
                let body = spoiled(pairs(&names, chance), chance);
                let request = request.header("Content-Type", "application/x-www-form-urlencoded");
                target.send(request.method("POST").uri(at(&action).as_str()).body(body).unwrap())
            }
            None => {
                let link = chance.choice(self.links.lock().unwrap().iter()).cloned().unwrap_or_else(|| "/".into());
                let names = [
                    "q", "sort", "cursor", "status", "view", "due", "from", "to", "by", "week", "assignee", "archived",
                    "label",
                ];
                let some: Vec<String> = chance.choose_multiple(names, 2).into_iter().map(str::to_owned).collect();
                let joint = if link.contains('?') { '&' } else { '?' };
                let link = link.split('#').next().unwrap_or_default();
                let query = if chance.bool() { format!("{joint}{}", pairs(&some, chance)) } else { String::new() };
                target.send(request.uri(at(&format!("{link}{query}")).as_str()).body(Vec::new()).unwrap())
            }
        };
        // Redirects are followed, and the sign-in is a page like any other; only who is in can go out.
        let is_page = kind.starts_with("text/html");
        target.pool.answered("pages", status, !is_page || text.contains("action=\"/logout\""));
        if is_page {
            self.learn(&text, chance);
        }
    }
}
