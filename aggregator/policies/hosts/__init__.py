"""Many hosts behind one upstream: which of them a call goes to, and which of them are left alone for a while."""
