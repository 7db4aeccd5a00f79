"""Files: written whole or not at all, and the config that stands in one."""
