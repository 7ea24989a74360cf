//! Everything Sally can do: one file per thing, one list per file, and here the list of lists.

pub mod accounts;
pub mod activity;
pub mod agents;
pub mod audit;
pub mod backups;
pub mod clients;
pub mod comments;
pub mod crm;
pub mod invites;
pub mod keys;
pub mod mail;
pub mod news;
pub mod notifications;
pub mod oauth;
pub mod ownership;
pub mod portraits;
pub mod projects;
pub mod recovery;
pub mod search;
pub mod sessions;
pub mod setup;
pub mod sso;
pub mod system;
pub mod table;
pub mod tasks;
pub mod timesheets;
pub mod transfer;
pub mod two_factor;
pub mod workspaces;

use crate::core::operation::Entry;

pub const ALL: &[&[Entry]] = &[
    system::OPERATIONS,
    backups::OPERATIONS,
    setup::OPERATIONS,
    sessions::OPERATIONS,
    two_factor::OPERATIONS,
    sso::OPERATIONS,
    accounts::OPERATIONS,
    ownership::OPERATIONS,
    recovery::OPERATIONS,
    portraits::OPERATIONS,
    keys::OPERATIONS,
    audit::OPERATIONS,
    oauth::OPERATIONS,
    workspaces::OPERATIONS,
    invites::OPERATIONS,
    clients::OPERATIONS,
    projects::OPERATIONS,
    projects::summary::OPERATIONS,
    projects::detail::OPERATIONS,
    projects::members::OPERATIONS,
    projects::statuses::OPERATIONS,
    projects::labels::OPERATIONS,
    projects::dependencies::OPERATIONS,
    activity::OPERATIONS,
    news::OPERATIONS,
    crm::OPERATIONS,
    crm::organizations::OPERATIONS,
    crm::people::OPERATIONS,
    crm::deals::OPERATIONS,
    crm::pipeline::OPERATIONS,
    crm::duplicates::OPERATIONS,
    crm::facts::OPERATIONS,
    crm::activities::OPERATIONS,
    crm::follow_ups::OPERATIONS,
    crm::bridges::OPERATIONS,
    crm::choices::OPERATIONS,
    comments::OPERATIONS,
    timesheets::OPERATIONS,
    timesheets::report::OPERATIONS,
    timesheets::timer::OPERATIONS,
    timesheets::week::OPERATIONS,
    agents::OPERATIONS,
    notifications::OPERATIONS,
    mail::OPERATIONS,
    tasks::create::OPERATIONS,
    tasks::get::OPERATIONS,
    tasks::update::OPERATIONS,
    tasks::batch::OPERATIONS,
    tasks::list::OPERATIONS,
    tasks::board::OPERATIONS,
    tasks::reorder::OPERATIONS,
    tasks::dependencies::OPERATIONS,
    tasks::labels::OPERATIONS,
    tasks::todos::OPERATIONS,
    tasks::images::OPERATIONS,
    search::OPERATIONS,
    transfer::imports::OPERATIONS,
];
