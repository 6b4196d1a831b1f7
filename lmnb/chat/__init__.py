"""What a conversation is made of: events, turns, history, and the forms an answer takes. Imports no sibling."""
