"""The site: sign-up, confirmation, your plan, unsubscribe, calendar, health."""

from runup.web.app import create_app

__all__ = ["create_app"]
