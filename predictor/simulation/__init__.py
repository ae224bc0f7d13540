"""Stopping rules on recorded curves: what they save, and what they lose, [PP] section 3 and Figure 4."""
