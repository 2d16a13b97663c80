"""Parts of the polite session (:mod:`harvesters.http`): deadlines, redirects, pace, robots, validators, bodies."""
