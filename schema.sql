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
  version       integer not null default 1,
  email_proved_at integer                          -- since when it is known that the account belongs to its address; null: not yet
) strict;

create index account_by_name on account (name collate nocase, id);

create table workspace (
  id          integer primary key,
  name        text not null,
  slug        text not null unique,
  archived_at integer,
  created_at  integer not null,
  updated_at  integer not null,
  version     integer not null default 1,
  deleted_at  integer                              -- nobody reaches it any more; what is in it is cleared away part by part
) strict;

create index workspace_deleted on workspace (id) where deleted_at is not null;
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
  expires_at   integer not null,
  second_factor integer not null default 0 check (second_factor in (0, 1)) -- it was shown, or a provider vouched for one
) strict;
create index session_by_account on session (account_id, id);
create index session_by_expiry on session (expires_at);

-- Programs that connect by OAuth. They register themselves, or publish a document at the address that is their id.
create table oauth_client (
  id            integer primary key,
  client_id     text not null unique,              -- client_…, or the https address of its document
  name          text not null,                     -- as it calls itself: nobody has checked it
  redirect_uris text not null check (json_type(redirect_uris) = 'array'),
  secret_hash   blob,                              -- SHA-256; null: it cannot keep a secret
  fetched_at    integer,                           -- when the document was read; null: registered
  created_at    integer not null
) strict;
create index oauth_client_by_creation on oauth_client (created_at);

-- Personal API keys (`atpm_…`), hosted MCP keys (`sallymcp_…`), and what people allowed programs that connect by OAuth:
-- those show tokens of their own (oauth_token) and are keys in everything else.
create table access_key (
  id              integer primary key,
  account_id      integer not null references account on delete cascade,
  kind            text not null check (kind in ('API', 'MCP', 'OAUTH')),
  label           text not null,
  prefix          text not null,                   -- the first characters, so that people recognise a key
  token_hash      blob unique check ((token_hash is null) = (kind = 'OAUTH')), -- SHA-256
  oauth_client_id integer references oauth_client check ((oauth_client_id is null) = (kind <> 'OAUTH')),
  scopes          text not null default '*',
  toolsets        text,                            -- null: all; else a blank-separated list
  workspace_id    integer references workspace on delete cascade, -- null: every workspace of the account
  agent_id        integer references agent on delete cascade,
  projects        text check (json_type(projects) = 'array'), -- null: every project; else the ids of the only ones
  underscore_names integer not null default 0 check (underscore_names in (0, 1)), -- tools listed as crm_deal_list
  expires_at      integer,
  revoked_at      integer,
  last_used_at    integer,
  created_at      integer not null,
  updated_at      integer not null,
  version         integer not null default 1,
  addresses       text,                            -- null: from anywhere; else a blank-separated list such as '10.0.0.0/8 192.0.2.7'
  last_address    text
) strict;
create index access_key_by_account on access_key (account_id, kind, id);
create index access_key_by_workspace on access_key (workspace_id) where workspace_id is not null;
create index access_key_by_agent on access_key (agent_id) where agent_id is not null;
create index access_key_by_oauth_client on access_key (oauth_client_id) where oauth_client_id is not null;

-- What a program gets for somebody's consent, to be changed into tokens once, within a minute.
create table oauth_code (
  id           integer primary key,
  key_id       integer not null references access_key on delete cascade,
  token_hash   blob not null unique,               -- SHA-256
  redirect_uri text not null,
  challenge    text not null,                      -- of PKCE, by S256
  resource     text not null,                      -- what the tokens are for: the address of /mcp as the program knows it
  expires_at   integer not null,
  used_at      integer,
  created_at   integer not null
) strict;
create index oauth_code_by_key on oauth_code (key_id);
create index oauth_code_by_expiry on oauth_code (expires_at);

create table oauth_token (
  id         integer primary key,
  key_id     integer not null references access_key on delete cascade,
  kind       text not null check (kind in ('ACCESS', 'REFRESH')),
  token_hash blob not null unique,                 -- SHA-256
  scopes     text,                                 -- null: those of the key; else the part of them that the program asked for
  expires_at integer not null,
  rotated_at integer,                              -- when a refresh token was changed into new ones for the first time
  created_at integer not null
) strict;
create index oauth_token_by_key on oauth_token (key_id);
create index oauth_token_by_expiry on oauth_token (expires_at);

-- Links that work once: the first set-up, setting a password, and confirming a new e-mail.
create table one_time_link (
  id         integer primary key,
  purpose    text not null check (purpose in ('SETUP', 'PASSWORD', 'EMAIL')),
  account_id integer references account on delete cascade, -- null for SETUP
  token_hash blob not null unique,
  expires_at integer not null,
  used_at    integer,
  created_at integer not null,
  email      text check (email = lower(email)),    -- the new one, for EMAIL
  mailed     integer not null default 0 check (mailed in (0, 1)) -- it went to the address and nowhere else
) strict;
create index one_time_link_by_account on one_time_link (account_id) where account_id is not null;
create index one_time_link_by_expiry on one_time_link (expires_at);

-- Invitations to a workspace; open until somebody accepts. The link works once, for a week.
create table invite (
  id             integer primary key,
  workspace_id   integer not null references workspace on delete cascade,
  email          text not null check (email = lower(email)),
  role           text not null check (role in ('OWNER', 'MEMBER', 'VIEWER')),
  invited_by_id  integer references account on delete cascade, -- null: the machine itself
  token_hash     blob not null unique,             -- SHA-256
  expires_at     integer not null,
  accepted_at    integer,
  accepted_by_id integer references account on delete set null,
  created_at     integer not null,
  updated_at     integer not null,
  version        integer not null default 1,
  mailed_token_hash blob                           -- SHA-256; null: it was not mailed
) strict;
create unique index invite_by_mailed_token on invite (mailed_token_hash) where mailed_token_hash is not null;
create unique index invite_open on invite (workspace_id, email) where accepted_at is null;
create index invite_by_workspace on invite (workspace_id, id);
create index invite_by_sender on invite (invited_by_id) where invited_by_id is not null;
create index invite_by_account on invite (accepted_by_id) where accepted_by_id is not null;

-- The authenticator app of an account.
create table second_factor (
  id             integer primary key,
  account_id     integer not null unique references account on delete cascade,
  totp_secret    blob not null,                    -- needed in the clear to compute codes; the journal leaves it out
  totp_last_step integer not null default 0,       -- the newest step of 30 seconds whose code was used: none is taken twice
  confirmed_at   integer,                          -- null: begun, and asks for nothing yet
  created_at     integer not null,
  updated_at     integer not null,
  version        integer not null default 1
) strict;

-- The codes on paper for whoever lost the app; one that was used is gone.
create table recovery_code (
  id         integer primary key,
  account_id integer not null references account on delete cascade,
  code_hash  blob not null unique,                 -- SHA-256
  created_at integer not null
) strict;
create index recovery_code_by_account on recovery_code (account_id);

-- Somebody who has shown the first factor and not yet the second.
create table sign_in_challenge (
  id         integer primary key,
  account_id integer not null references account on delete cascade,
  token_hash blob not null unique,                 -- SHA-256
  created_at integer not null,
  expires_at integer not null
) strict;
create index sign_in_challenge_by_account on sign_in_challenge (account_id);
create index sign_in_challenge_by_expiry on sign_in_challenge (expires_at);

-- Who somebody is at the provider of single sign-on.
create table external_identity (
  id         integer primary key,
  account_id integer not null references account on delete cascade,
  issuer     text not null,
  subject    text not null,                        -- never changes hands there, as an address may
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1,
  unique (issuer, subject),
  unique (account_id, issuer)
) strict;

-- What waits to be sent by e-mail, and what became of it.
create table mail (
  id         integer primary key,
  kind       text not null,                        -- INVITE, PASSWORD_RESET, …
  recipient  text not null,
  subject    text not null,
  body       text,                                 -- it may hold a link, so it is gone once it is sent or given up
  state      text not null check (state in ('QUEUED', 'SENT', 'FAILED')),
  attempts   integer not null default 0,
  due_at     integer not null,                     -- of the next attempt
  problem    text,                                 -- of the last attempt
  created_at integer not null,
  done_at    integer
) strict;
create index mail_queued on mail (kind = 'NOTIFICATION', due_at) where state = 'QUEUED';
create index mail_troubled on mail (id) where state <> 'SENT';
create index mail_by_age on mail (created_at) where state <> 'QUEUED';

-- What people look like.
create table account_image (
  id         integer primary key,
  account_id integer not null unique references account on delete cascade,
  bytes      blob not null,                        -- PNG, a square of at most 256 pixels
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1
) strict;

create table mcp_session (
  id               integer primary key,
  token_hash       blob not null unique,           -- SHA-256 of the Mcp-Session-Id
  key_id           integer not null references access_key on delete cascade, -- the key it is bound to
  protocol_version text not null,
  client_name      text,
  created_at       integer not null,
  last_used_at     integer not null,
  subscriptions    text                            -- JSON {"address of a resource": what it said, as a number}
) strict;
create index mcp_session_by_key on mcp_session (key_id);
create index mcp_session_by_last_use on mcp_session (last_used_at);

------------------------------------------------------------------------------ tables on their way in

-- A file, what is to be made of it, and how far that is. It goes a day after somebody last did something with it.
create table import (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  account_id   integer not null references account on delete cascade,
  name         text not null,                      -- of the file
  beginning    text not null,                      -- its first lines: the names of the columns, and what is shown of them
  lines        integer not null,
  plan         text not null,                      -- JSON: what the lines are, which field each column goes into …
  state        text not null check (state in ('READY', 'RUNNING', 'STOPPED', 'DONE')),
  rehearsal    integer not null check (rehearsal in (0, 1)),
  problem      text,                               -- why it stopped
  token_hash   blob,                               -- SHA-256 of what its person showed when it began: it goes no further than that does
  next_byte    integer not null,                   -- where the next line begins …
  next_line    integer not null,                   -- … and its number
  made         integer not null default 0,         -- of the lines before it …
  updated      integer not null default 0,
  skipped      integer not null default 0,
  failed       integer not null default 0,
  created_at   integer not null,
  updated_at   integer not null,
  content      text                                -- the file; null once it was used
) strict;
create index import_of_account on import (account_id, workspace_id);
create index import_by_workspace on import (workspace_id);
create index import_by_age on import (updated_at);
create index import_running on import (updated_at) where state = 'RUNNING';

-- What became of each line.
create table import_line (
  import_id integer not null references import on delete cascade,
  became    text not null check (became in ('MADE', 'UPDATED', 'SKIPPED', 'FAILED')),
  line      integer not null,
  name      text not null,
  record_id integer,                               -- what it became or met
  problem   text,
  raw       text,                                  -- of one that failed: as it stands in the file
  primary key (import_id, became, line)
) strict, without rowid;

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
  request_id   text,
  audit        text,                               -- SIGN_IN, KEY, ROLE …; null for everyday work
  address      text                                -- from where; null for everyday work
) strict;
create index change_set_by_workspace on change_set (workspace_id, id);
create index change_set_audited on change_set (id) where audit is not null;
create index change_set_audited_in on change_set (workspace_id, id) where audit is not null;
create index change_set_failed on change_set (id) where audit = 'SIGN_IN_FAILED';

-- … and one for each row that changed by it. Written by triggers on the writing connection
-- (src/core/store/journal.rs), never by a feature.
create table change (
  seq           integer primary key,
  change_set_id integer not null references change_set,
  record_type   text not null,                     -- the table
  record_id     integer not null,
  action        text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
  fields        text not null,                     -- INSERT, DELETE {"column": value}; UPDATE {"column": [old, new]}
  project_id    integer,                           -- where it happened, if it did in a project …
  task_id       integer                            -- … or at a task
) strict;
create index change_by_record on change (record_type, record_id, seq);
create index change_by_change_set on change (change_set_id);
create index change_by_project on change (project_id, seq) where project_id is not null;
create index change_by_task on change (task_id, seq) where task_id is not null;

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
create index crm_organization_by_mail_domain on crm_organization (workspace_id, substr(email, instr(email, '@') + 1)) where email is not null;
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
-- Numbers without what people put between the digits.
create index crm_person_by_phone on crm_person (workspace_id, replace(replace(replace(replace(replace(replace(phone, ' ', ''), '-', ''), '/', ''), '.', ''), '(', ''), ')', '')) where phone is not null;
create index crm_person_by_mobile on crm_person (workspace_id, replace(replace(replace(replace(replace(replace(mobile, ' ', ''), '-', ''), '/', ''), '.', ''), '(', ''), ')', '')) where mobile is not null;
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
  project_id        integer references project on delete set null,
  stage_since       integer,                       -- when it came into its stage; null: with its creation
  check (value_minor is null or currency is not null),
  check ((status = 'OPEN') = (closed_at is null))
) strict;
create index crm_deal_by_update on crm_deal (workspace_id, updated_at, id);
create index crm_deal_by_creation on crm_deal (workspace_id, id);
create index crm_deal_by_title on crm_deal (workspace_id, title collate nocase, id);
create index crm_deal_by_value on crm_deal (workspace_id, ifnull(value_minor, -1), id);
create index crm_deal_by_close on crm_deal (workspace_id, ifnull(expected_close_on, '9999-12-31'), id);
-- The board: one stage's open deals in the order they are shown, with what a column's totals need.
create index crm_deal_by_stage on crm_deal (stage_id, status, ifnull(expected_close_on, '9999-12-31'), id, currency, value_minor, probability) where archived_at is null;
create index crm_deal_by_closing on crm_deal (workspace_id, status, closed_at, currency, value_minor) where closed_at is not null and archived_at is null;
create index crm_deal_by_organization on crm_deal (organization_id, id) where organization_id is not null;
create index crm_deal_by_person on crm_deal (primary_person_id, id) where primary_person_id is not null;
create index crm_deal_by_owner on crm_deal (owner_id, id) where owner_id is not null;
create index crm_deal_by_project on crm_deal (project_id, id) where project_id is not null;

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
  version         integer not null default 1,
  task_id         integer references task on delete set null,
  agent_id        integer references agent on delete set null
) strict;
create index crm_activity_by_time on crm_activity (workspace_id, occurred_at, id);
create index crm_activity_by_organization on crm_activity (organization_id, occurred_at, id) where organization_id is not null;
create index crm_activity_by_person on crm_activity (person_id, occurred_at, id) where person_id is not null;
create index crm_activity_by_deal on crm_activity (deal_id, occurred_at, id) where deal_id is not null;
create index crm_activity_by_actor on crm_activity (actor_id) where actor_id is not null;
create index crm_activity_by_task on crm_activity (task_id) where task_id is not null;
create index crm_activity_by_agent on crm_activity (agent_id) where agent_id is not null;

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
  task_id         integer references task on delete set null,
  due_told_at     integer,                         -- the due time that its owner was reminded of
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
create index crm_follow_up_by_task on crm_follow_up (task_id) where task_id is not null;

------------------------------------------------------------------------------ agents

-- A program that works for somebody. Keys bound to it write as it, on behalf of their account.
create table agent (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  name         text not null,
  role         text,
  description  text,
  enabled      integer not null default 1 check (enabled in (0, 1)),
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1
) strict;
create unique index agent_by_name on agent (workspace_id, name collate nocase);

------------------------------------------------------------------------------ projects

create table client (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  name         text not null,
  notes        text,
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1
) strict;
create unique index client_by_name on client (workspace_id, name collate nocase);
create index client_by_update on client (workspace_id, updated_at, id);
create index client_by_creation on client (workspace_id, id);

create table project (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  client_id    integer references client on delete set null,
  name         text not null,
  key          text not null check (length(key) between 2 and 6 and key = upper(key)), -- WEB in WEB-12
  slug         text not null,
  description  text,
  visibility   text not null default 'WORKSPACE' check (visibility in ('WORKSPACE', 'MEMBERS')),
  task_count   integer not null default 0,         -- the highest number a task was ever given
  archived_at  integer,
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1,
  unique (workspace_id, key),
  unique (workspace_id, slug)
) strict;
create index project_by_name on project (workspace_id, name collate nocase, id);
create index project_by_creation on project (workspace_id, id);
create index project_by_update on project (workspace_id, updated_at, id);
create index project_by_client on project (client_id, id) where client_id is not null;

create table project_membership (
  id         integer primary key,
  project_id integer not null references project on delete cascade,
  account_id integer not null references account on delete cascade,
  role       text not null check (role in ('OWNER', 'MEMBER', 'VIEWER')),
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1,
  unique (project_id, account_id)
) strict;
create index project_membership_by_account on project_membership (account_id, project_id, role);

create table project_dependency (
  id            integer primary key,
  project_id    integer not null references project on delete cascade,
  depends_on_id integer not null references project on delete cascade,
  created_at    integer not null,
  updated_at    integer not null,
  version       integer not null default 1,
  unique (project_id, depends_on_id),
  check (project_id <> depends_on_id)
) strict;
create index project_dependency_by_other on project_dependency (depends_on_id, project_id);

create table task_status (
  id         integer primary key,
  project_id integer not null references project on delete cascade,
  name       text not null,
  type       text not null check (type in ('BACKLOG', 'TODO', 'IN_PROGRESS', 'BLOCKED', 'REVIEW', 'DONE')),
  position   integer not null,
  color      text not null,                        -- #rrggbb
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1
) strict;
create unique index task_status_by_name on task_status (project_id, name collate nocase);

create table label (
  id         integer primary key,
  project_id integer not null references project on delete cascade,
  name       text not null,
  color      text not null,                        -- #rrggbb
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1
) strict;
create unique index label_by_name on label (project_id, name collate nocase);

------------------------------------------------------------------------------ tasks

create table task (
  id               integer primary key,
  workspace_id     integer not null references workspace on delete cascade,
  project_id       integer not null references project on delete cascade,
  number           integer not null,               -- 12 in WEB-12; stays with the task for as long as it is in the project
  status_id        integer not null references task_status,
  parent_id        integer references task on delete set null,
  owner_id         integer references account on delete set null,
  created_by_id    integer references account on delete set null,
  title            text not null,
  description      text,
  priority         text not null default 'P2' check (priority in ('P1', 'P2', 'P3')),
  due_on           text,
  start_on         text,
  estimate_minutes integer check (estimate_minutes > 0),
  position         integer not null,               -- order within its project; gaps between neighbours, see features/tasks/order.rs
  completed_at     integer,                        -- set exactly while its status is of type DONE
  archived_at      integer,
  todo_count       integer not null default 0,     -- counted by triggers, as the next two
  todo_done_count  integer not null default 0,
  comment_count    integer not null default 0,
  created_at       integer not null,
  updated_at       integer not null,
  version          integer not null default 1,
  unique (project_id, number)
) strict;
-- The board: one column's cards in order. No two cards of a column stand in the same place.
create unique index task_on_board on task (status_id, position) where archived_at is null;
create index task_by_status on task (status_id, id);
-- Lists of a project and of a workspace, in every order that can be asked for. What comes behind the id lets filters
-- pass over rows without looking them up.
create index task_in_project_by_position on task (project_id, position, id, status_id, owner_id);
create index task_in_project_by_due on task (project_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id);
create index task_in_project_by_update on task (project_id, updated_at, id);
create index task_in_project_by_creation on task (project_id, id, status_id, owner_id);
create index task_in_project_by_priority on task (project_id, priority, id, status_id, owner_id);
create index task_by_due on task (workspace_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id);
create index task_by_update on task (workspace_id, updated_at, id);
create index task_by_creation on task (workspace_id, id, status_id, owner_id);
create index task_by_priority on task (workspace_id, priority, id, status_id, owner_id);
-- What is open, by when it is due: what was done long ago is not walked through. The second one holds all that a board by
-- owner, label or priority is put together from.
create index task_open_by_due on task (workspace_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id) where completed_at is null and archived_at is null;
create index task_open_in_project_by_due on task (project_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id, priority, position) where completed_at is null and archived_at is null;
-- What somebody still has to do.
create index task_open_by_owner on task (owner_id, ifnull(due_on, '9999-12-31'), id) where owner_id is not null and completed_at is null and archived_at is null;
create index task_by_owner on task (owner_id) where owner_id is not null;
create index task_by_parent on task (parent_id, id) where parent_id is not null;
create index task_by_author on task (created_by_id) where created_by_id is not null;

-- Who works on a task besides its owner.
create table task_participant (
  id         integer primary key,
  task_id    integer not null references task on delete cascade,
  account_id integer not null references account on delete cascade,
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1,
  unique (task_id, account_id)
) strict;
create index task_participant_by_account on task_participant (account_id, task_id);

create table task_label (
  id         integer primary key,
  task_id    integer not null references task on delete cascade,
  label_id   integer not null references label on delete cascade,
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1,
  unique (task_id, label_id)
) strict;
create index task_label_by_label on task_label (label_id, task_id);

create table task_todo (
  id         integer primary key,
  task_id    integer not null references task on delete cascade,
  text       text not null,
  done       integer not null default 0 check (done in (0, 1)),
  position   integer not null,
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1
) strict;
create index task_todo_by_task on task_todo (task_id, position, id);

create trigger task_todo_insert after insert on task_todo begin
  update task set todo_count = todo_count + 1, todo_done_count = todo_done_count + new.done where id = new.task_id;
end;
create trigger task_todo_update after update of done on task_todo begin
  update task set todo_done_count = todo_done_count + new.done - old.done where id = new.task_id;
end;
create trigger task_todo_delete after delete on task_todo begin
  update task set todo_count = todo_count - 1, todo_done_count = todo_done_count - old.done where id = old.task_id;
end;

create table task_dependency (
  id            integer primary key,
  task_id       integer not null references task on delete cascade,
  depends_on_id integer not null references task on delete cascade,
  created_at    integer not null,
  updated_at    integer not null,
  version       integer not null default 1,
  unique (task_id, depends_on_id),
  check (task_id <> depends_on_id)
) strict;
create index task_dependency_by_other on task_dependency (depends_on_id, task_id);

-- Pictures in descriptions and comments. Served only to those who may see the task.
create table task_image (
  id          integer primary key,
  task_id     integer not null references task on delete cascade,
  account_id  integer references account on delete set null,
  name        text not null,
  media_type  text not null check (media_type in ('image/png', 'image/jpeg', 'image/webp', 'image/gif')),
  width       integer not null,
  height      integer not null,
  size        integer not null,                    -- bytes
  created_at  integer not null,
  updated_at  integer not null,
  version     integer not null default 1,
  bytes       blob not null
) strict;
create index task_image_by_task on task_image (task_id, id);
create index task_image_by_account on task_image (account_id) where account_id is not null;

create table comment (
  id         integer primary key,
  task_id    integer not null references task on delete cascade,
  author_id  integer references account on delete set null,
  agent_id   integer references agent on delete set null,
  body       text not null,
  edited_at  integer,
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1
) strict;
create index comment_by_task on comment (task_id, id);
create index comment_by_author on comment (author_id) where author_id is not null;
create index comment_by_agent on comment (agent_id) where agent_id is not null;

create trigger comment_insert after insert on comment begin
  update task set comment_count = comment_count + 1 where id = new.task_id;
end;
create trigger comment_delete after delete on comment begin
  update task set comment_count = comment_count - 1 where id = old.task_id;
end;

create table comment_mention (
  id         integer primary key,
  comment_id integer not null references comment on delete cascade,
  account_id integer not null references account on delete cascade,
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1,
  unique (comment_id, account_id)
) strict;
create index comment_mention_by_account on comment_mention (account_id);

------------------------------------------------------------------------------ time

create table timesheet_entry (
  id           integer primary key,
  workspace_id integer not null references workspace on delete cascade,
  project_id   integer not null references project on delete cascade,
  task_id      integer references task on delete set null,
  account_id   integer not null references account on delete cascade,
  agent_id     integer references agent on delete set null,
  spent_on     text not null,
  minutes      integer not null check (minutes between 1 and 1440),
  description  text,
  billable     integer not null default 1 check (billable in (0, 1)),
  validated    integer not null default 0 check (validated in (0, 1)), -- frozen for all but owners
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1
) strict;
create index timesheet_entry_by_day on timesheet_entry (workspace_id, spent_on, id, project_id, account_id, minutes, billable, validated);
create index timesheet_entry_by_update on timesheet_entry (workspace_id, updated_at, id);
create index timesheet_entry_by_project on timesheet_entry (project_id, spent_on, id, account_id, minutes, billable, validated);
create index timesheet_entry_by_task on timesheet_entry (task_id, spent_on, id, minutes, billable, validated) where task_id is not null;
create index timesheet_entry_by_account on timesheet_entry (account_id, workspace_id, spent_on, id);
create index timesheet_entry_by_agent on timesheet_entry (agent_id) where agent_id is not null;

-- The clock that somebody has running: one for each account.
create table running_timer (
  id           integer primary key,
  account_id   integer not null unique references account on delete cascade,
  workspace_id integer not null references workspace on delete cascade,
  project_id   integer not null references project on delete cascade,
  task_id      integer references task on delete set null,
  description  text,
  billable     integer not null default 1 check (billable in (0, 1)),
  started_at   integer not null,
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1
) strict;
create index running_timer_by_workspace on running_timer (workspace_id);
create index running_timer_by_project on running_timer (project_id);
create index running_timer_by_task on running_timer (task_id) where task_id is not null;

------------------------------------------------------------------------------ notifications

create table notification (
  id           integer primary key,
  account_id   integer not null references account on delete cascade, -- who is told
  workspace_id integer not null references workspace on delete cascade,
  type         text not null check (type in ('task.assigned', 'comment.mentioned', 'followup.due')),
  title        text not null,
  body         text,
  actor_id     integer references account on delete set null,         -- whose act it is; null: the clock's
  agent_id     integer references agent on delete set null,
  task_id      integer references task on delete cascade,
  comment_id   integer references comment on delete cascade,
  follow_up_id integer references crm_follow_up on delete cascade,
  read_at      integer,
  created_at   integer not null,
  updated_at   integer not null,
  version      integer not null default 1
) strict;
create index notification_by_account on notification (account_id, id);
create index notification_unread on notification (account_id, id) where read_at is null;
create index notification_by_workspace on notification (workspace_id);
create index notification_by_actor on notification (actor_id) where actor_id is not null;
create index notification_by_agent on notification (agent_id) where agent_id is not null;
create index notification_by_task on notification (task_id) where task_id is not null;
create index notification_by_comment on notification (comment_id) where comment_id is not null;
create index notification_by_follow_up on notification (follow_up_id) where follow_up_id is not null;

-- What somebody chose; without a row both are on.
create table notification_preference (
  id         integer primary key,
  account_id integer not null references account on delete cascade,
  type       text not null check (type in ('task.assigned', 'comment.mentioned', 'followup.due')),
  in_app     integer not null default 1 check (in_app in (0, 1)),
  email      integer not null default 1 check (email in (0, 1)),
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1,
  unique (account_id, type)
) strict;

------------------------------------------------------------------------------ search

-- One index over everything that can be found. The row id is the record's id; `scope` holds the
-- workspace and the type as words, so that both narrow the search inside the index.
create virtual table search_index using fts5 (
  scope, title, body,
  content = '', contentless_delete = 1,
  tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
-- Parts of the index are merged when there are 16 of a size, not 4: writing costs a fifth less.
insert into search_index (search_index, rank) values ('automerge', 16);

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

-- What belongs to a project has the project as a word in its scope, so that a search can leave projects out.
create trigger search_client_insert after insert on client begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' client', new.name, ifnull(new.notes, ''));
end;
create trigger search_client_update after update of name, notes on client begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' client', new.name, ifnull(new.notes, ''));
end;
create trigger search_client_delete after delete on client begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;

create trigger search_project_insert after insert on project begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' project p' || new.id, new.name, concat_ws(' ', new.key, new.description));
end;
create trigger search_project_update after update of name, key, description on project begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' project p' || new.id, new.name, concat_ws(' ', new.key, new.description));
end;
create trigger search_project_delete after delete on project begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;

create trigger search_task_insert after insert on task begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' task p' || new.project_id, new.title, ifnull(new.description, ''));
end;
create trigger search_task_update after update of title, description, project_id on task begin
  insert or replace into search_pending (id, scope, title, body)
  values (new.id, 'w' || new.workspace_id || ' task p' || new.project_id, new.title, ifnull(new.description, ''));
end;
create trigger search_task_delete after delete on task begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;
-- Comments move with their task.
create trigger search_task_comments after update of project_id on task when old.project_id <> new.project_id begin
  insert or replace into search_pending (id, scope, title, body)
  select c.id, 'w' || new.workspace_id || ' comment p' || new.project_id, '', c.body from comment c where c.task_id = new.id;
end;

create trigger search_comment_insert after insert on comment begin
  insert or replace into search_pending (id, scope, title, body)
  select new.id, 'w' || t.workspace_id || ' comment p' || t.project_id, '', new.body from task t where t.id = new.task_id;
end;
create trigger search_comment_update after update of body on comment begin
  insert or replace into search_pending (id, scope, title, body)
  select new.id, 'w' || t.workspace_id || ' comment p' || t.project_id, '', new.body from task t where t.id = new.task_id;
end;
create trigger search_comment_delete after delete on comment begin
  delete from search_pending where id = old.id;
  delete from search_index where rowid = old.id;
end;
