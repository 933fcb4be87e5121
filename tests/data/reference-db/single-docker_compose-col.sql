ALTER TABLE RequestedAppStates ADD COLUMN docker_compose TEXT;
