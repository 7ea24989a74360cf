-- Everything Sally knows, as it is today. A new file is made by running this page;
-- an older one reaches the same shape by the numbered steps in src/core/store/migrations,
-- and a test compares the two.
--
-- Conventions
--   id            64-bit, time-ordered; shown to people as `deal_01jd8k3m0p4qz`
--   *_at          milliseconds since 1970 UTC
--   *_on          a day, 'YYYY-MM-DD', which never shifts with a time zone
--   *_minor       money in the currency's smallest unit
--   version       1 at birth, +1 with each change
--   *_hash        never the secret itself; the journal leaves such columns out

------------------------------------------------------------------------------ who

create table account (
  id            integer primary key,
  email         text not null unique check (email = lower(email)),
  name          text not null,
  avatar_url    text,
  time_zone     text not null default 'UTC',       -- IANA name; turns days into moments and back
  platform_role text not null default 'NONE' check (platform_role in ('NONE', 'ADMIN', 'SUPERADMIN')),
  password_hash text,                              -- Argon2id PHC string; null until the person sets one
  archived_at   integer,
  created_at    integer not null,
  updated_at    integer not null,
  version       integer not null default 1
) strict;

create index account_by_name on account (name collate nocase, id);

create table workspace (
  id          integer primary key,
  name        text not null,
  slug        text not null unique,
  archived_at integer,
  created_at  integer not null,
  updated_at  integer not null,
  version     integer not null default 1
) strict;

create index workspace_by_name on workspace (name collate nocase, id);

create table workspace_membership (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  account_id   integer not null references account on delete cascade,
  role         text not null check (role in ('OWNER', 'MEMBER', 'VIEWER')),
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1,
  unique (workspace_id, account_id)
) strict;
create index workspace_membership_by_account on workspace_membership (account_id, workspace_id);

create table session (
  id           integer primary key,
  account_id   integer not null references account on delete cascade,
  token_hash   blob not null unique,               -- SHA-256
  user_agent   text,
  address      text,
  created_at   integer not null,
  last_used_at integer not null,
  expires_at   integer not null
) strict;
create index session_by_account on session (account_id, id);
create index session_by_expiry on session (expires_at);

-- Personal API keys (`atpm_…`) and hosted MCP keys (`sallymcp_…`).
create table access_key (
  id              integer primary key,
  account_id      integer not null references account on delete cascade,
  kind            text not null check (kind in ('API', 'MCP')),
  label           text not null,
  prefix          text not null,                   -- the first characters, so that people recognise a key
  token_hash      blob not null unique,            -- SHA-256
  scopes          text not null default '*',
  toolsets        text,                            -- null: all; else a blank-separated list
  workspace_id    integer references workspace on delete cascade, -- null: every workspace of the account
  underscore_names integer not null default 0 check (underscore_names in (0, 1)), -- tools listed as crm_deal_list
  expires_at      integer,
  revoked_at      integer,
  last_used_at    integer,
  created_at      integer not null,
  updated_at      integer not null,
  version         integer not null default 1
) strict;
create index access_key_by_account on access_key (account_id, kind, id);
create index access_key_by_workspace on access_key (workspace_id) where workspace_id is not null;

-- Links that work once: the first set-up, and setting a password.
create table one_time_link (
  id         integer primary key,
  purpose    text not null check (purpose in ('SETUP', 'PASSWORD')),
  account_id integer references account on delete cascade, -- null for SETUP
  token_hash blob not null unique,
  expires_at integer not null,
  used_at    integer,
  created_at integer not null
) strict;
create index one_time_link_by_account on one_time_link (account_id) where account_id is not null;

create table mcp_session (
  id               integer primary key,
  token_hash       blob not null unique,           -- SHA-256 of the Mcp-Session-Id
  key_hash         blob not null,                  -- the credential it is bound to
  protocol_version text not null,
  client_name      text,
  created_at       integer not null,
  last_used_at     integer not null
) strict;
create index mcp_session_by_key on mcp_session (key_hash);
create index mcp_session_by_last_use on mcp_session (last_used_at);

------------------------------------------------------------------------------ the journal

-- One row for each thing somebody did …
create table change_set (
  id           integer primary key,
  at           integer not null,
  account_id   integer,                            -- no foreign keys: the journal outlives what it tells of
  session_id   integer,
  key_id       integer,
  agent_id     integer,
  workspace_id integer,
  operation    text not null,                      -- crm.deal.update
  request_id   text
) strict;
create index change_set_by_workspace on change_set (workspace_id, id);

-- … and one for each row that changed by it. Written by triggers on the writing connection
-- (src/core/store/journal.rs), never by a feature.
create table change (
  seq           integer primary key,
  change_set_id integer not null references change_set,
  record_type   text not null,                     -- the table
  record_id     integer not null,
  action        text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
  fields        text not null                      -- INSERT, DELETE {"column": value}; UPDATE {"column": [old, new]}
) strict;
create index change_by_record on change (record_type, record_id, seq);
create index change_by_change_set on change (change_set_id);

-- The first answer to a write that carried an Idempotency-Key, repeated for 24 hours.
create table idempotent_answer (
  caller_hash  blob not null,                      -- SHA-256 of account, workspace and key text: keys of two people never meet
  request_hash blob not null,
  body         blob,                               -- null where the answer showed a secret
  location     text,
  record_version integer,
  created_at   integer not null,
  primary key (caller_hash)
) strict, without rowid;
create index idempotent_answer_by_age on idempotent_answer (created_at);

------------------------------------------------------------------------------ CRM

create table crm_stage (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  name         text not null,
  position     integer not null,
  probability  integer not null check (probability between 0 and 100), -- percent
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1,
  unique (workspace_id, name)
) strict;

create table crm_organization (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  name         text not null,
  website      text,
  domain       text,                               -- example.com, from the website
  email        text,
  phone        text,
  industry     text,
  size         text,
  source       text,
  address      text,
  city         text,
  region       text,
  postal_code  text,
  country      text,
  notes        text,
  labels       text not null default '[]' check (json_type(labels) = 'array'),
  owner_id     integer references account on delete set null,
  archived_at  integer,
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1
) strict;
create index crm_organization_by_update on crm_organization (workspace_id, updated_at, id);
create index crm_organization_by_creation on crm_organization (workspace_id, id);
create index crm_organization_by_name on crm_organization (workspace_id, name collate nocase, id);
create index crm_organization_by_domain on crm_organization (workspace_id, domain) where domain is not null;
create index crm_organization_by_owner on crm_organization (owner_id) where owner_id is not null;

create table crm_person (
  id              integer primary key,
  workspace_id    integer not null references workspace on delete cascade,
  organization_id integer references crm_organization on delete set null,
  name            text not null,
  email           text,
  phone           text,
  mobile          text,
  title           text,
  linkedin_url    text,
  source          text,
  notes           text,
  labels          text not null default '[]' check (json_type(labels) = 'array'),
  owner_id        integer references account on delete set null,
  archived_at     integer,
  created_at      integer not null,
  updated_at      integer not null,
  version         integer not null default 1
) strict;
create index crm_person_by_update on crm_person (workspace_id, updated_at, id);
create index crm_person_by_creation on crm_person (workspace_id, id);
create index crm_person_by_name on crm_person (workspace_id, name collate nocase, id);
create index crm_person_by_email on crm_person (workspace_id, email) where email is not null;
create index crm_person_by_organization on crm_person (organization_id, id) where organization_id is not null;
create index crm_person_by_owner on crm_person (owner_id) where owner_id is not null;

create table crm_deal (
  id                integer primary key,
  workspace_id      integer not null references workspace on delete cascade,
  organization_id   integer references crm_organization on delete set null,
  primary_person_id integer references crm_person on delete set null,
  owner_id          integer references account on delete set null,
  stage_id          integer not null references crm_stage,
  title             text not null,
  value_minor       integer check (value_minor between 0 and 1000000000000000),
  currency          text check (length(currency) = 3),
  status            text not null default 'OPEN' check (status in ('OPEN', 'WON', 'LOST')),
  probability       integer check (probability between 0 and 100),     -- percent; null: the stage's
  next_step         text,
  expected_close_on text,
  closed_at         integer,
  lost_reason       text,
  notes             text,
  labels            text not null default '[]' check (json_type(labels) = 'array'),
  archived_at       integer,
  created_at        integer not null,
  updated_at        integer not null,
  version           integer not null default 1,
  check (value_minor is null or currency is not null),
  check ((status = 'OPEN') = (closed_at is null))
) strict;
create index crm_deal_by_update on crm_deal (workspace_id, updated_at, id);
create index crm_deal_by_creation on crm_deal (workspace_id, id);
create index crm_deal_by_title on crm_deal (workspace_id, title collate nocase, id);
create index crm_deal_by_value on crm_deal (workspace_id, ifnull(value_minor, -1), id);
create index crm_deal_by_close on crm_deal (workspace_id, ifnull(expected_close_on, '9999-12-31'), id);
-- The board: one stage's open deals in the order they are shown, with what a column's totals need.
create index crm_deal_by_stage on crm_deal (stage_id, status, ifnull(expected_close_on, '9999-12-31'), id, currency, value_minor) where archived_at is null;
create index crm_deal_by_closing on crm_deal (workspace_id, status, closed_at, currency, value_minor) where closed_at is not null and archived_at is null;
create index crm_deal_by_organization on crm_deal (organization_id, id) where organization_id is not null;
create index crm_deal_by_person on crm_deal (primary_person_id, id) where primary_person_id is not null;
create index crm_deal_by_owner on crm_deal (owner_id, id) where owner_id is not null;

create table crm_activity (
  id              integer primary key,
  workspace_id    integer not null references workspace on delete cascade,
  type            text not null check (type in ('NOTE', 'CALL', 'EMAIL', 'MEETING', 'FOLLOW_UP')),
  body            text not null,
  organization_id integer references crm_organization on delete set null,
  person_id       integer references crm_person on delete set null,
  deal_id         integer references crm_deal on delete set null,
  actor_id        integer references account on delete set null,
  occurred_at     integer not null,
  created_at      integer not null,
  updated_at      integer not null,
  version         integer not null default 1
) strict;
create index crm_activity_by_time on crm_activity (workspace_id, occurred_at, id);
create index crm_activity_by_organization on crm_activity (organization_id, occurred_at, id) where organization_id is not null;
create index crm_activity_by_person on crm_activity (person_id, occurred_at, id) where person_id is not null;
create index crm_activity_by_deal on crm_activity (deal_id, occurred_at, id) where deal_id is not null;
create index crm_activity_by_actor on crm_activity (actor_id) where actor_id is not null;

create table crm_follow_up (
  id              integer primary key,
  workspace_id    integer not null references workspace on delete cascade,
  title           text not null,
  body            text,
  due_at          integer,
  status          text not null default 'OPEN' check (status in ('OPEN', 'DONE', 'CANCELLED')),
  owner_id        integer references account on delete set null,
  created_by_id   integer references account on delete set null,
  organization_id integer references crm_organization on delete set null,
  person_id       integer references crm_person on delete set null,
  deal_id         integer references crm_deal on delete set null,
  completed_at    integer,
  created_at      integer not null,
  updated_at      integer not null,
  version         integer not null default 1,
  check ((status = 'DONE') = (completed_at is not null))
) strict;
-- 253402300799999 is the last millisecond of the year 9999: what has no date comes last.
create index crm_follow_up_by_due on crm_follow_up (workspace_id, ifnull(due_at, 253402300799999), id);
create index crm_follow_up_open on crm_follow_up (workspace_id, status, ifnull(due_at, 253402300799999), id);
create index crm_follow_up_by_update on crm_follow_up (workspace_id, updated_at, id);
create index crm_follow_up_by_organization on crm_follow_up (organization_id, status, ifnull(due_at, 253402300799999), id) where organization_id is not null;
create index crm_follow_up_by_person on crm_follow_up (person_id, status, ifnull(due_at, 253402300799999), id) where person_id is not null;
create index crm_follow_up_by_deal on crm_follow_up (deal_id, status, ifnull(due_at, 253402300799999), id) where deal_id is not null;
create index crm_follow_up_by_owner on crm_follow_up (owner_id, id) where owner_id is not null;
create index crm_follow_up_by_author on crm_follow_up (created_by_id) where created_by_id is not null;

------------------------------------------------------------------------------ search

-- One index over everything that can be found. The row id is the record's id; `scope` holds the
-- workspace and the type as words, so that both narrow the search inside the index.
create virtual table search_index using fts5 (
  scope, title, body,
  content = '', contentless_delete = 1,
  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);

-- What the transaction has changed and the index does not know yet. The writer moves it over once, right before it
-- commits (src/core/store/writer.rs): FTS5 writes its segments at every savepoint, which cost more than all the rest.
create table search_pending (
  id    integer primary key,
  scope text not null,
  title text not null,
  body  text not null
) strict;

create trigger search_organization_insert after insert on crm_organization begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' organization', new.name, concat_ws(' ', new.domain, new.email, new.phone, new.industry, new.city, new.country, new.notes, new.labels));
end;
create trigger search_organization_update after update of name, domain, email, phone, industry, city, country, notes, labels on crm_organization begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' organization', new.name, concat_ws(' ', new.domain, new.email, new.phone, new.industry, new.city, new.country, new.notes, new.labels));
end;
create trigger search_organization_delete after delete on crm_organization begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;

create trigger search_person_insert after insert on crm_person begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' person', new.name, concat_ws(' ', new.email, new.phone, new.mobile, new.title, new.notes, new.labels));
end;
create trigger search_person_update after update of name, email, phone, mobile, title, notes, labels on crm_person begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' person', new.name, concat_ws(' ', new.email, new.phone, new.mobile, new.title, new.notes, new.labels));
end;
create trigger search_person_delete after delete on crm_person begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;

create trigger search_deal_insert after insert on crm_deal begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' deal', new.title, concat_ws(' ', new.next_step, new.lost_reason, new.notes, new.labels));
end;
create trigger search_deal_update after update of title, next_step, lost_reason, notes, labels on crm_deal begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' deal', new.title, concat_ws(' ', new.next_step, new.lost_reason, new.notes, new.labels));
end;
create trigger search_deal_delete after delete on crm_deal begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;

create trigger search_activity_insert after insert on crm_activity begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' activity', '', new.body);
end;
create trigger search_activity_update after update of body on crm_activity begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' activity', '', new.body);
end;
create trigger search_activity_delete after delete on crm_activity begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;
