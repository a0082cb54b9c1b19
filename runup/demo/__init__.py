"""The whole product in half a minute: three people, six weeks on a virtual clock, every email to open."""
