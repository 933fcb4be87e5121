-- Columns that came to the field one by one: an old file lacks any of them, in any combination.
-- What is there already is skipped (docs/contract/apps.md 7.3).

ALTER TABLE RequestedAppStates ADD COLUMN device_owner_account_key INTEGER NOT NULL DEFAULT 0;
ALTER TABLE RequestedAppStates ADD COLUMN docker_compose TEXT;
ALTER TABLE RequestedAppStates ADD COLUMN environment_template TEXT;
ALTER TABLE RequestedAppStates ADD COLUMN new_docker_compose TEXT;
ALTER TABLE RequestedAppStates ADD COLUMN ports TEXT;
