"""``aggregator mock``: the file of a mock, served over HTTP to whoever needs the upstream that it stands for."""
