ALTER TABLE RequestedAppStates ADD COLUMN new_docker_compose TEXT;
