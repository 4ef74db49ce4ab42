"""The circuits: each has a room that says what is known of it.

`catalogue` lists them; `base` has the words they are told in. A room states its devices as roles
(``roles``), what they do (``law``, ``gains``, ``edges``, ``drains``), how they move in time
(``moving``) and what they leak.

====================  ======================================================================
`legs`                mirror legs: gains of their paths, what a die makes of them, leakage
`nodes`               signed, rectifying and state nodes, the bias tree, the output pin
`cell`                the hysteretic cell: its devices, the drains of its legs
`ladder`, `window`    clocked units with a fixed threshold, and with one from the input
`loop`                the nine-transistor loop
====================  ======================================================================
"""
