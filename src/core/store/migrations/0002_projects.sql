------------------------------------------------------------------------------ workspaces

alter table workspace add column deleted_at integer;
create index workspace_deleted on workspace (id) where deleted_at is not null;

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

alter table access_key add column agent_id integer references agent on delete cascade;
alter table access_key add column projects text check (json_type(projects) = 'array');
create index access_key_by_agent on access_key (agent_id) where agent_id is not null;
alter table mcp_session add column subscriptions text;

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
-- What is open, by when it is due: what was done long ago is not walked through.
create index task_open_by_due on task (workspace_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id) where completed_at is null and archived_at is null;
create index task_open_in_project_by_due on task (project_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id) where completed_at is null and archived_at is null;
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

------------------------------------------------------------------------------ bridges between the CRM and projects

alter table crm_deal add column project_id integer references project on delete set null;
create index crm_deal_by_project on crm_deal (project_id, id) where project_id is not null;
alter table crm_activity add column task_id integer references task on delete set null;
alter table crm_activity add column agent_id integer references agent on delete set null;
create index crm_activity_by_task on crm_activity (task_id) where task_id is not null;
create index crm_activity_by_agent on crm_activity (agent_id) where agent_id is not null;
alter table crm_follow_up add column task_id integer references task on delete set null;
alter table crm_follow_up add column due_told_at integer; -- the due time that its owner was reminded of
create index crm_follow_up_by_task on crm_follow_up (task_id) where task_id is not null;

------------------------------------------------------------------------------ the journal, by project and task

-- Where the change happened: filled by the journal's triggers from the row's own columns.
alter table change add column project_id integer;
alter table change add column task_id integer;
create index change_by_project on change (project_id, seq) where project_id is not null;
create index change_by_task on change (task_id, seq) where task_id is not null;

------------------------------------------------------------------------------ search

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
