* Static inverter: the complement of the reset and of a line, and stages of the strobe driver. No
* input of it may be slow: while a is between the rails both devices conduct.
.subckt inverter a y vdd vss
xn y a vss vss n_logic
xp y a vdd vdd p_logic
.ends
