-- Tables of spreadsheets on their way in through the browser.

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
