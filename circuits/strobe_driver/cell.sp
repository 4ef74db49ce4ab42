* Strobe driver: from the edge of phi, however slow, one nested pair of phases for a layer.
* hd (hold) opens first and closes last, st (step) comes strictly inside. Each event waits for the
* line before it, whatever its load:
*   p rises, hd rises, (hd seen, delay) st rises, (st seen, delay) w rises: done, q falls, st falls,
*   (st seen, delay) w falls, hd falls. p falls: q rises, armed for the next strobe.
* done is forced by reset too (rst_b low): no strobe in reset, and none after it until phi was low.
.subckt schmitt a y vdd vss
xn1 nx a vss vss n_slow
xn2 y a nx vss n_slow
xn3 vdd y nx vss n_slow
xp1 px a vdd vdd p_slow
xp2 y a px vdd p_slow
xp3 vss y px vdd p_slow
.ends
.subckt strobe_driver phi rst_b hd st vdd vss hold_drive=1 step_drive=1
xsch phi pb vdd vss schmitt
xpi pb p vdd vss inverter
xd1 done setb dm1 vss n_logic
xd2 dm1 q dm2 vss n_logic
xd3 dm2 rst_b vss vss n_logic
xd4 done setb vdd vdd p_logic
xd5 done q vdd vdd p_logic
xd6 done rst_b vdd vdd p_logic
xq1 q done qm vss n_logic
xq2 qm p vss vss n_logic
xq3 q done vdd vdd p_logic
xq4 q p vdd vdd p_logic
xh1 hx p hm vss n_logic
xh2 hm q vss vss n_logic
xh3 hm w vss vss n_logic
xh4 hx p vdd vdd p_logic
xh5 hx q hy vdd p_logic
xh6 hy w vdd vdd p_logic
xhn hd hx vss vss n_driver units={hold_drive}
xhp hd hx vdd vdd p_driver units={hold_drive}
x1n n1 hd vss vss n_slow
x1p n1 hd vdd vdd p_slow
xc1n vss n1 vss vss n_slow
xc1p vdd n1 vdd vdd p_slow
x2n d1 n1 vss vss n_medium
x2p d1 n1 vdd vdd p_medium
xs1 sx d1 sm1 vss n_logic
xs2 sm1 q sm2 vss n_logic
xs3 sm2 p vss vss n_logic
xs4 sx d1 vdd vdd p_logic
xs5 sx q vdd vdd p_logic
xs6 sx p vdd vdd p_logic
xsn st sx vss vss n_driver units={step_drive}
xsp st sx vdd vdd p_driver units={step_drive}
x3n m1 st vss vss n_slow
x3p m1 st vdd vdd p_slow
xc3n vss m1 vss vss n_delay
xc3p vdd m1 vdd vdd p_delay
x4n m2 m1 vss vss n_medium
x4p m2 m1 vdd vdd p_medium
xw1 m2 wb vdd vss inverter
xw2 wb w vdd vss inverter
xw3 w setb vdd vss inverter
.ends
