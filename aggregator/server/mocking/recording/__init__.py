"""``aggregator mock --record``: a real upstream, written down as the file of a mock."""
