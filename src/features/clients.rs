use crate::core::id::Record;
#[derive(Debug, Clone, Copy)]
pub struct ClientRecord;
impl Record for ClientRecord {
    const PREFIX: &'static str = "cli";
    const NOUN: &'static str = "client";
}
