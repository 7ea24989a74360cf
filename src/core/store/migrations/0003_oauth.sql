-- Programs that connect by OAuth, and what they were allowed. A session is bound to a key, whatever token stands for it.
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


alter table access_key rename to former_access_key;
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
  version         integer not null default 1
) strict;
insert into access_key
       (id, account_id, kind, label, prefix, token_hash, scopes, toolsets, workspace_id, agent_id, projects, underscore_names, expires_at, revoked_at, last_used_at, created_at, updated_at, version)
  select id, account_id, kind, label, prefix, token_hash, scopes, toolsets, workspace_id, agent_id, projects, underscore_names, expires_at, revoked_at, last_used_at, created_at, updated_at, version
    from former_access_key;
alter table mcp_session rename to former_mcp_session;
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
insert into mcp_session (id, token_hash, key_id, protocol_version, client_name, created_at, last_used_at, subscriptions)
  select s.id, s.token_hash, k.id, s.protocol_version, s.client_name, s.created_at, s.last_used_at, s.subscriptions
    from former_mcp_session s join former_access_key k on k.token_hash = s.key_hash;
drop table former_mcp_session;
drop table former_access_key;
create index access_key_by_account on access_key (account_id, kind, id);
create index access_key_by_workspace on access_key (workspace_id) where workspace_id is not null;
create index access_key_by_agent on access_key (agent_id) where agent_id is not null;
create index access_key_by_oauth_client on access_key (oauth_client_id) where oauth_client_id is not null;
create index mcp_session_by_key on mcp_session (key_id);
create index mcp_session_by_last_use on mcp_session (last_used_at);

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
