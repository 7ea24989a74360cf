-- Boards by owner, label or priority are put together from one index.

drop index task_open_in_project_by_due;
create index task_open_in_project_by_due on task (project_id, ifnull(due_on, '9999-12-31'), id, status_id, owner_id, priority, position) where completed_at is null and archived_at is null;
