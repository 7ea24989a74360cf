------------------------------------------------------------------------------ second factor

alter table session add column second_factor integer not null default 0 check (second_factor in (0, 1));

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
