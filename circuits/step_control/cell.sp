* Step control: compares a candidate with +beta and -beta and strobes its ladder.
* u is low where i_plus > i_beta, d is high where i_minus > i_beta. During phi a starved dynamic
* gate lowers gs (set) or raises gr (reset); its slow edge is what keeps the hold ahead of the step.
* The decision stands next to gs and gr, the phase behind it: a stack in the other order leaves its
* middle node where an earlier candidate put it, and the phase shares that charge with gs or gr.
.subckt step_gate u d n p phi phib gs gr vdd vss tail=32
xs0 gs phi vdd vdd p_logic
xs1 s1 u gs vdd p_logic
xs2 s2 phib s1 vdd p_logic
xs3 s2 n vss vss n_mirror units={tail}
xr0 gr phib vss vss n_logic
xr1 gr d r1 vss n_logic
xr2 r1 phi r2 vss n_logic
xr3 r2 p vdd vdd p_mirror units={tail}
.ends
.subckt step_control n_plus p_minus n p phi phib gs gr vdd vss units=32 up=64 down=64 tail=32
xu1 u p vdd vdd p_mirror units={up}
xu2 u n_plus vss vss n_mirror units={units}
xd1 d p_minus vdd vdd p_mirror units={units}
xd2 d n vss vss n_mirror units={down}
xgate u d n p phi phib gs gr vdd vss step_gate tail={tail}
.ends
