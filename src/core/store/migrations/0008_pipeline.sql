-- When a deal came into its stage: what the journal tells, else its last change.
alter table crm_deal add column stage_since integer;
update crm_deal set stage_since = ifnull((
  select s.at from change c join change_set s on s.id = c.change_set_id
   where c.record_type = 'crm_deal' and c.record_id = crm_deal.id and json_extract(c.fields, '$.stage_id') is not null
   order by c.seq desc limit 1), updated_at);

-- A column's totals are weighted by the probability.
drop index crm_deal_by_stage;
create index crm_deal_by_stage on crm_deal (stage_id, status, ifnull(expected_close_on, '9999-12-31'), id, currency, value_minor, probability) where archived_at is null;

-- A form asks whether somebody is here already.
create index crm_organization_by_mail_domain on crm_organization (workspace_id, substr(email, instr(email, '@') + 1)) where email is not null;
create index crm_person_by_phone on crm_person (workspace_id, replace(replace(replace(replace(replace(replace(phone, ' ', ''), '-', ''), '/', ''), '.', ''), '(', ''), ')', '')) where phone is not null;
create index crm_person_by_mobile on crm_person (workspace_id, replace(replace(replace(replace(replace(replace(mobile, ' ', ''), '-', ''), '/', ''), '.', ''), '(', ''), ')', '')) where mobile is not null;
