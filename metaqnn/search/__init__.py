"""The search itself: the agent, and the loop that proposes networks and learns from their rewards."""
