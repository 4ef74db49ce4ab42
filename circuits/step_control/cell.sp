* Step control: compares a candidate with +beta and -beta and steps its ladder.
* u is low where i_plus > i_beta, d is high where i_minus > i_beta. While st is high a domino gate
* lowers gs (set) or raises gr (reset), rail to rail: a rises where u is low, b falls where d is high.
* Every stage is cut by the very line that precharges it (xs2 by st, xr2 by stb): xs0 and xs1, xr0
* and xr1 never conduct together, whichever of st and stb comes first.
.subckt step_gate u d st stb gs gr vdd vss
xa0 a stb vss vss n_logic
xa1 a u a1 vdd p_logic
xa2 a1 stb vdd vdd p_logic
xs0 gs st vdd vdd p_logic
xs1 gs a s1 vss n_logic
xs2 s1 st vss vss n_logic
xb0 b st vdd vdd p_logic
xb1 b d b1 vss n_logic
xb2 b1 st vss vss n_logic
xr0 gr stb vss vss n_logic
xr1 gr b r1 vdd p_logic
xr2 r1 stb vdd vdd p_logic
.ends
.subckt step_control n_plus p_minus n p st stb gs gr vdd vss units=32 up=64 down=64
xu1 u p vdd vdd p_mirror units={up}
xu2 u n_plus vss vss n_mirror units={units}
xd1 d p_minus vdd vdd p_mirror units={units}
xd2 d n vss vss n_mirror units={down}
xgate u d st stb gs gr vdd vss step_gate
.ends
