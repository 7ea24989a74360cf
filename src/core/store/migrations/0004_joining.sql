-- Joining: invitations.

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
  version        integer not null default 1
) strict;
create unique index invite_open on invite (workspace_id, email) where accepted_at is null;
create index invite_by_workspace on invite (workspace_id, id);
create index invite_by_sender on invite (invited_by_id) where invited_by_id is not null;
create index invite_by_account on invite (accepted_by_id) where accepted_by_id is not null;

-- A link can confirm a new e-mail, which it then carries. Nothing refers to the table, so it is made anew.
drop index one_time_link_by_account;
alter table one_time_link rename to one_time_link_before;
create table one_time_link (
  id         integer primary key,
  purpose    text not null check (purpose in ('SETUP', 'PASSWORD', 'EMAIL')),
  account_id integer references account on delete cascade, -- null for SETUP
  token_hash blob not null unique,
  expires_at integer not null,
  used_at    integer,
  created_at integer not null,
  email      text check (email = lower(email))     -- the new one, for EMAIL
) strict;
insert into one_time_link select id, purpose, account_id, token_hash, expires_at, used_at, created_at, null from one_time_link_before;
drop table one_time_link_before;
create index one_time_link_by_account on one_time_link (account_id) where account_id is not null;

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

create table account_image (
  id         integer primary key,
  account_id integer not null unique references account on delete cascade,
  bytes      blob not null,                        -- PNG, a square of at most 256 pixels
  created_at integer not null,
  updated_at integer not null,
  version    integer not null default 1
) strict;
