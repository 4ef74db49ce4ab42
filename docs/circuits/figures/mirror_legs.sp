* Mirror legs: a rectified node and the two legs that a weight can have, as the emitter writes them.
* The leg of a positive weight sources m / n of the node's current, that of a negative one sinks it.
.subckt mirror_legs x t_positive t_negative vdd vss n=32 m_positive=16 m_negative=24
xnode x x_p vdd vss relu_node units={n}
xwa t_positive x_p vdd vdd p_mirror units={m_positive}
xwb t_negative x vss vss n_mirror units={m_negative}
.ends
