ALTER TABLE RequestedAppStates ADD COLUMN environment_template TEXT;
