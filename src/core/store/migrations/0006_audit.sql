-- Keys that work from some addresses only, and from where each was used last.
alter table access_key add column addresses text;
alter table access_key add column last_address text;

-- What an administrator asks for later: who signed in, made keys, changed roles. Everyday work has neither.
alter table change_set add column audit text;
alter table change_set add column address text;
create index change_set_audited on change_set (id) where audit is not null;
create index change_set_audited_in on change_set (workspace_id, id) where audit is not null;
create index change_set_failed on change_set (id) where audit = 'SIGN_IN_FAILED';
