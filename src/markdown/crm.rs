//! Organizations, people and deals, with what was said and what is to be done.

use crate::core::text::Labels;
use crate::core::time::duration;
use crate::features::crm::activities::Activity;
use crate::features::crm::deals::{Deal, DealDetail};
use crate::features::crm::follow_ups::FollowUp;
use crate::features::crm::organizations::OrganizationDetail;
use crate::features::crm::people::PersonDetail;

use super::{SHORT, Sheet, author, joined, name_of, quote, when};

pub fn organization(detail: &OrganizationDetail) -> String {
    let organization = &detail.organization;
    let place = [
        &organization.address,
        &organization.postal_code,
        &organization.city,
        &organization.region,
        &organization.country,
    ];
    let place: Vec<&str> = place.into_iter().flatten().map(String::as_str).collect();
    let mut sheet = Sheet::titled(&organization.name);
    sheet
        .facts([
            ("Website", organization.website.clone()),
            ("E-mail", organization.email.clone()),
            ("Phone", organization.phone.clone()),
            ("Address", (!place.is_empty()).then(|| place.join(", "))),
        ])
        .facts([
            ("Industry", organization.industry.clone()),
            ("Size", organization.size.clone()),
            ("Source", organization.source.clone()),
            ("Labels", labels(&organization.labels)),
            ("Owner", name_of(&organization.owner)),
            ("Archived", organization.archived_at.as_ref().map(when)),
        ])
        .prose("Notes", organization.notes.as_deref())
        .list("People", &detail.people, |person| {
            joined([
                Some(person.name.clone()),
                person.title.clone(),
                person.email.clone(),
                person.phone.clone().or_else(|| person.mobile.clone()),
            ])
        })
        .list("Deals", &detail.deals, deal_line)
        .list("Projects", &detail.work.projects, |project| {
            joined([
                Some(format!("{} {}", project.key, project.name)),
                Some(format!("{} open tasks", project.open_tasks)),
                Some(format!("{} logged", duration(&project.total_minutes))),
                project.archived_at.as_ref().map(|_| "archived".to_owned()),
            ])
        })
        .list("Tasks that changed last", &detail.work.tasks, |task| {
            format!("{} {} ({})", task.key, task.title, task.status)
        })
        .list("To follow up", &detail.follow_ups, follow_up_line);
    timeline(&mut sheet, &detail.activities);
    sheet.line(format_args!("\nid {} · version {}", organization.id, organization.version));
    sheet.into_text()
}

pub fn person(detail: &PersonDetail) -> String {
    let person = &detail.person;
    let mut sheet = Sheet::titled(&person.name);
    sheet
        .facts([
            ("Title", person.title.clone()),
            ("Organization", name_of(&person.organization)),
            ("E-mail", person.email.clone()),
            ("Phone", person.phone.clone()),
            ("Mobile", person.mobile.clone()),
            ("LinkedIn", person.linkedin_url.clone()),
        ])
        .facts([
            ("Source", person.source.clone()),
            ("Labels", labels(&person.labels)),
            ("Owner", name_of(&person.owner)),
            ("Archived", person.archived_at.as_ref().map(when)),
        ])
        .prose("Notes", person.notes.as_deref())
        .list("Deals", &detail.deals, deal_line)
        .list("To follow up", &detail.follow_ups, follow_up_line);
    timeline(&mut sheet, &detail.activities);
    sheet.line(format_args!("\nid {} · version {}", person.id, person.version));
    sheet.into_text()
}

pub fn deal(detail: &DealDetail) -> String {
    let deal = &detail.deal;
    let mut sheet = Sheet::titled(&deal.title);
    sheet
        .facts([
            ("Status", Some(deal.status.to_string())),
            ("Stage", Some(format!("{} ({} %)", deal.stage, deal.probability))),
            ("Value", value(deal)),
            ("Expected", deal.expected_close_at.map(|day| day.to_string())),
            ("Closed", deal.closed_at.as_ref().map(when)),
            ("Lost because", deal.lost_reason.clone()),
        ])
        .facts([
            ("Organization", name_of(&deal.organization)),
            ("Contact", name_of(&deal.primary_person)),
            ("Owner", name_of(&deal.owner)),
            ("Project", deal.project.as_ref().map(|project| format!("{} {}", project.key, project.name))),
            ("Labels", labels(&deal.labels)),
            ("Archived", deal.archived_at.as_ref().map(when)),
        ])
        .facts([("Next step", deal.next_step.clone())])
        .prose("Notes", deal.notes.as_deref())
        .list("To follow up", &detail.follow_ups, follow_up_line);
    timeline(&mut sheet, &detail.activities);
    sheet.line(format_args!("\nid {} · version {}", deal.id, deal.version));
    sheet.into_text()
}

/// A deal among others.
pub fn deal_line(deal: &Deal) -> String {
    joined([
        Some(deal.title.clone()),
        Some(match deal.status.to_string().as_str() {
            "OPEN" => format!("{} ({} %)", deal.stage, deal.probability),
            closed => closed.to_owned(),
        }),
        value(deal),
        name_of(&deal.organization),
        name_of(&deal.owner),
        deal.expected_close_at.map(|day| format!("expected {day}")),
        deal.next_step.as_ref().map(|step| format!("next: {step}")),
        Some(format!("changed {}", when(&deal.updated_at))),
        Some(deal.id.to_string()),
    ])
}

/// A follow-up among others.
pub fn follow_up_line(follow_up: &FollowUp) -> String {
    let about = name_of(&follow_up.deal).or(name_of(&follow_up.person)).or(name_of(&follow_up.organization));
    joined([
        Some(follow_up.title.clone()),
        about.map(|about| format!("about {about}")),
        follow_up.due_at.as_ref().map(|due| format!("due {}", when(due))),
        name_of(&follow_up.owner),
        follow_up.task.as_ref().map(|task| format!("task {}", task.key)),
        Some(follow_up.id.to_string()),
    ])
}

fn timeline(sheet: &mut Sheet, activities: &[Activity]) {
    if activities.is_empty() {
        return;
    }
    sheet.heading("What happened, newest first");
    for activity in activities {
        let about = name_of(&activity.deal).or(name_of(&activity.person)).map(|about| format!(" about {about}"));
        let by = author(&activity.actor, &activity.agent);
        sheet.line(format_args!(
            "{}, {} by {by}{}:\n{}",
            when(&activity.occurred_at),
            activity.kind,
            about.unwrap_or_default(),
            quote(&activity.body, SHORT)
        ));
    }
}

fn value(deal: &Deal) -> Option<String> {
    deal.value.map(|value| format!("{} {}", value.plain(), value.currency))
}

fn labels(labels: &Labels) -> Option<String> {
    (!labels.is_empty()).then(|| labels.iter().collect::<Vec<_>>().join(", "))
}
