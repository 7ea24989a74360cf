use crate::core::id::Record;
#[derive(Debug, Clone, Copy)]
pub struct CommentRecord;
impl Record for CommentRecord {
    const PREFIX: &'static str = "com";
    const NOUN: &'static str = "comment";
}
