"""Use cases of EventBridge: the state changes of processing jobs as events, rules, and deliveries to their targets."""
