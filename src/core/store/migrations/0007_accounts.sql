-- Whose an account is: shown by a mailed link, or by the provider of single sign-on.

-- Of accounts from before, those that a provider vouched for are known to belong to their address, and the one that set the
-- server up. Of the others nobody can tell who opened them, so the first proof ends what was made until then, as it does for
-- new ones.
alter table account add column email_proved_at integer; -- since when it is known that the account belongs to its address; null: not yet
update account set email_proved_at = (select min(created_at) from external_identity e where e.account_id = account.id);
update account set email_proved_at = created_at
 where id = (select min(id) from account) and platform_role = 'SUPERADMIN' and email_proved_at is null;

alter table one_time_link add column mailed integer not null default 0 check (mailed in (0, 1)); -- it went to the address and nowhere else

-- The link in the mail is another than the one that the sender passes on: only the former shows whose address it is.
alter table invite add column mailed_token_hash blob; -- SHA-256; null: it was not mailed
create unique index invite_by_mailed_token on invite (mailed_token_hash) where mailed_token_hash is not null;

-- What has had its day is found by its age when it is cleared away. Some files of this step's own time have these from step 4.
create index if not exists one_time_link_by_expiry on one_time_link (expires_at);
create index if not exists mail_by_age on mail (created_at) where state <> 'QUEUED';
