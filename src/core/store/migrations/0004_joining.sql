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
