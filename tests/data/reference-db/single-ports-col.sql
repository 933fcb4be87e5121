ALTER TABLE RequestedAppStates ADD COLUMN ports TEXT;
