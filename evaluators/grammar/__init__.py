"""A small grammar of English minimal pairs: two suites and a text to train on, all from one seed."""
