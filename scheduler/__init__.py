"""When: plan, claim, work, recover."""
