* mru_hw 0.1.0 chip, design 7ed4b28f20245e48
* technology generic180, models a19e87514984f1fe
* made by mru-hw netlist; nothing here is ideal: process devices and capacitors only
* Device classes of generic180, made from technology.yaml
.subckt n_mirror d g s b units=1
m0 d g s b nch w=5e-07 l=4e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_mirror
.subckt p_mirror d g s b units=1
m0 d g s b pch w=5e-07 l=4e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends p_mirror
.subckt p_split d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m='units'
.ends p_split
.subckt n_cell d g s b units=1
m0 d g s b nch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_cell
.subckt p_cell d g s b units=1
m0 d g s b pch w=1e-06 l=4e-06 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m='units'
.ends p_cell
.subckt n_switch d g s b units=1
m0 d g s b nch w=4.2e-07 l=3.5e-07 ad=2.016e-13 as=2.016e-13 pd=1.8e-06 ps=1.8e-06 m='units'
.ends n_switch
.subckt p_switch d g s b units=1
m0 d g s b pch w=4.2e-07 l=3.5e-07 ad=2.016e-13 as=2.016e-13 pd=1.8e-06 ps=1.8e-06 m='units'
.ends p_switch
.subckt n_logic d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_logic
.subckt p_logic d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m='units'
.ends p_logic
.subckt n_guard d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_guard
.subckt p_guard d g s b units=1
m0 d g s b pch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends p_guard
.subckt n_medium d g s b units=1
m0 d g s b nch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_medium
.subckt p_medium d g s b units=1
m0 d g s b pch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends p_medium
.subckt n_slow d g s b units=1
m0 d g s b nch w=5e-07 l=8e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_slow
.subckt p_slow d g s b units=1
m0 d g s b pch w=5e-07 l=8e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends p_slow
.subckt n_delay d g s b units=1
m0 d g s b nch w=5e-07 l=2e-05 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_delay
.subckt p_delay d g s b units=1
m0 d g s b pch w=5e-07 l=2e-05 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends p_delay
.subckt n_driver d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m='units'
.ends n_driver
.subckt p_driver d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m='units'
.ends p_driver
.subckt c_state a b
c0 a b mim w=4.5e-06 l=4.5e-06
.ends c_state
* Signed node: the current that flows into `in` leaves on two rails.
* Class AB: i_plus - i_minus = i_in (Kirchhoff), i_plus * i_minus = i_q^2 (translinear loop).
* Rail gates: n_plus and n_minus sink a copy, p_plus and p_minus source one.
.subckt signed_split in n_plus p_minus q_n vdd vss units=32 split=1
xsn p_minus q_n in vss n_mirror units='split'
xsp n_plus vss in vdd p_split units='split'
xdn n_plus n_plus vss vss n_mirror units='units'
xdp p_minus p_minus vdd vdd p_mirror units='units'
.ends signed_split
.subckt signed_node in n_plus p_plus n_minus p_minus q_n vdd vss units=32
xsplit in n_plus p_minus q_n vdd vss signed_split units='units' split=1
xfn p_plus n_plus vss vss n_mirror units='units'
xfnd p_plus p_plus vdd vdd p_mirror units='units'
xfp n_minus p_minus vdd vdd p_mirror units='units'
xfpd n_minus n_minus vss vss n_mirror units='units'
.ends signed_node
* Rectifying node: a diode passes only current that flows in, so the copies carry max(i_in, 0).
* `in` is also the NMOS rail (sinks a copy); p sources one.
.subckt relu_node in p vdd vss units=32
xd in in vss vss n_mirror units='units'
xf p in vss vss n_mirror units='units'
xfd p p vdd vdd p_mirror units='units'
.ends relu_node
* State node: PMOS diode that collects the output currents of a ladder's set cells.
* `out` is also the PMOS rail (sources a copy); n sinks one.
.subckt state_node out n vdd vss units=32
xd out out vdd vdd p_mirror units='units'
xf n out vdd vdd p_mirror units='units'
xfd n n vss vss n_mirror units='units'
.ends state_node
* Bias tree: one reference current into the NMOS rail, its PMOS rail, and the gate voltage of the
* signed nodes' splitters, whose quiescent current is that of two unit devices. The gates of their
* PMOS are at ground: one threshold less in the stack, so that the cold has room for it.
.subckt bias_tree n p q_n vdd vss units=64
xd n n vss vss n_mirror units='units'
xf p n vss vss n_mirror units='units'
xfd p p vdd vdd p_mirror units='units'
xq0 q_n p vdd vdd p_mirror units=2
xq1 q_n q_n q_m vss n_mirror
xq2 vss vss q_m vdd p_split
.ends bias_tree
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
.ends step_gate
.subckt step_control n_plus p_minus n p st stb gs gr vdd vss units=32 up=64 down=64
xu1 u p vdd vdd p_mirror units='up'
xu2 u n_plus vss vss n_mirror units='units'
xd1 d p_minus vdd vdd p_mirror units='units'
xd2 d n vss vss n_mirror units='down'
xgate u d st stb gs gr vdd vss step_gate
.ends step_control
* Ladder cell: hysteretic comparator (v) with an output leg, a held copy (h) and set and reset paths.
* hp and hn are the held states of the cell below and above in the thermometer code. hd and st are
* the layer's two phases, hdb and stb their complements: h follows v while hd is low and holds while
* it is high; the paths are clamped while st is low.
* Set: ks falls where hp is high and gs low. Reset is its mirror: gk rises where hn is low and gr high.
* h has no channel on v but its own two switches.
* rn high forces v low, rp low forces v high: the power-up reset.
* One unit of xm9 is enough, and two are too many: fb would slew too slowly in the cold, and hold
* empties v before the pair wakes.
.subckt ladder_cell v h hp hn gs gr hd hdb st stb rn rp out n vdd vss hold=16 width=32
+ gain=32
xm2 v n vss vss n_mirror units='hold'
xm6 fb v s6 vss n_cell
xm8 s6 n vss vss n_mirror units='width'
xm7 fb fb vdd vdd p_cell
xm9 v fb vdd vdd p_cell
xm3 out v s3 vss n_cell
xm5 s3 n vss vss n_mirror units='gain'
xhn h hdb v vss n_switch
xhp h hd v vdd p_switch
xs1 ks hp gs vss n_switch
xs2 ks st vdd vdd p_switch
xs3 v ks vdd vdd p_guard
xr1 gk hn gr vdd p_switch
xr2 gk stb vss vss n_switch
xr3 v gk vss vss n_guard
xn v rn vss vss n_guard
xp v rp vdd vdd p_guard
xc v vss c_state
.ends ladder_cell
* Static inverter: the complement of the reset and of a line, and stages of the strobe driver. No
* input of it may be slow: while a is between the rails both devices conduct.
.subckt inverter a y vdd vss
xn y a vss vss n_logic
xp y a vdd vdd p_logic
.ends inverter
* Phase tap: the complements of a layer's two lines, made in each unit. It halves the lines' charge,
* and a complement cannot lag its line by more than one local inverter.
.subckt phase_tap hd hdb st stb vdd vss
xh hd hdb vdd vss inverter
xs st stb vdd vss inverter
.ends phase_tap
* Strobe driver: from the edge of phi, however slow, one nested pair of phases for a layer.
* hd (hold) opens first and closes last, st (step) comes strictly inside. Each event waits for the
* line before it, whatever its load:
* p rises, hd rises, (hd seen, delay) st rises, (st seen, delay) w rises: done, q falls, st falls,
* (st seen, delay) w falls, hd falls. p falls: q rises, armed for the next strobe.
* done is forced by reset too (rst_b low): no strobe in reset, and none after it until phi was low.
.subckt schmitt a y vdd vss
xn1 nx a vss vss n_slow
xn2 y a nx vss n_slow
xn3 vdd y nx vss n_slow
xp1 px a vdd vdd p_slow
xp2 y a px vdd p_slow
xp3 vss y px vdd p_slow
.ends schmitt
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
xhn hd hx vss vss n_driver units='hold_drive'
xhp hd hx vdd vdd p_driver units='hold_drive'
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
xsn st sx vss vss n_driver units='step_drive'
xsp st sx vdd vdd p_driver units='step_drive'
x3n m1 st vss vss n_slow
x3p m1 st vdd vdd p_slow
xc3n vss m1 vss vss n_delay
xc3p vdd m1 vdd vdd p_delay
x4n m2 m1 vss vss n_medium
x4p m2 m1 vdd vdd p_medium
xw1 m2 wb vdd vss inverter
xw2 wb w vdd vss inverter
xw3 w setb vdd vss inverter
.ends strobe_driver
.subckt cmru_unit_k2_s0 n_plus p_minus out n p hd st rst rst_b vdd vss units=32 up=64
+ down=64 hold=16 width=32 gain=32
xtap hd hdb st stb vdd vss phase_tap
xstep n_plus p_minus n p st stb gs gr vdd vss step_control units='units' up='up' down='down'
xc1 v1 h1 vdd h2 gs gr hd hdb st stb vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc2 v2 h2 h1 h3 gs gr hd hdb st stb vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc3 v3 h3 h2 h4 gs gr hd hdb st stb rst vdd out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc4 v4 h4 h3 vss gs gr hd hdb st stb rst vdd out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
.ends cmru_unit_k2_s0
.subckt cmru_unit_k2_s1 n_plus p_minus out n p hd st rst rst_b vdd vss units=32 up=64
+ down=64 hold=16 width=32 gain=32
xtap hd hdb st stb vdd vss phase_tap
xstep n_plus p_minus n p st stb gs gr vdd vss step_control units='units' up='up' down='down'
xc1 v1 h1 vdd h2 gs gr hd hdb st stb vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc2 v2 h2 h1 h3 gs gr hd hdb st stb vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc3 v3 h3 h2 h4 gs gr hd hdb st stb vss rst_b out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
xc4 v4 h4 h3 vss gs gr hd hdb st stb rst vdd out n vdd vss ladder_cell hold='hold'
+ width='width' gain='gain'
.ends cmru_unit_k2_s1
.subckt mru_chip x0 x1 y0 y1 phi0 rst iref vdd_mirror vdd_memory vdd_clock vdd_bias vss
xbias iref bias_p q_n vdd_bias vss bias_tree units=64
xx_0 x0 x_0_np x_0_pp x_0_nm x_0_pm q_n vdd_mirror vss signed_node units=64
xx_1 x1 x_1_np x_1_pp x_1_nm x_1_pm q_n vdd_mirror vss signed_node units=64
xv0_0 v0_0 v0_0_p vdd_mirror vss relu_node units=16
xv0_1 v0_1 v0_1_p vdd_mirror vss relu_node units=16
xv0_2 v0_2 v0_2_p vdd_mirror vss relu_node units=16
xc0_0 c0_0 c0_0_np c0_0_pm q_n vdd_mirror vss signed_split units=32 split=4
xc0_1 c0_1 c0_1_np c0_1_pm q_n vdd_mirror vss signed_split units=32 split=4
xh0_0 h0_0 h0_0_n vdd_mirror vss state_node units=64
xh0_1 h0_1 h0_1_n vdd_mirror vss state_node units=64
xv1_0 v1_0 v1_0_p vdd_mirror vss relu_node units=128
xv1_1 v1_1 v1_1_p vdd_mirror vss relu_node units=128
xv1_2 v1_2 v1_2_p vdd_mirror vss relu_node units=128
xw0a_0_0 v0_0 x_0_pp vdd_mirror vdd_mirror p_mirror units=58
xw0a_1_0 v0_1 x_0_pp vdd_mirror vdd_mirror p_mirror units=12
xw0b_0_1 v0_0 x_1_np vss vss n_mirror units=89
xw0b_1_1 v0_1 x_1_np vss vss n_mirror units=20
xw0b_2_0 v0_2 x_0_np vss vss n_mirror units=16
xw0b_2_1 v0_2 x_1_np vss vss n_mirror units=8
xw0c_0_0 v0_0 x_0_nm vss vss n_mirror units=64
xw0c_1_0 v0_1 x_0_nm vss vss n_mirror units=13
xw0d_0_1 v0_0 x_1_pm vdd_mirror vdd_mirror p_mirror units=81
xw0d_1_1 v0_1 x_1_pm vdd_mirror vdd_mirror p_mirror units=18
xw0d_2_0 v0_2 x_0_pm vdd_mirror vdd_mirror p_mirror units=14
xw0d_2_1 v0_2 x_1_pm vdd_mirror vdd_mirror p_mirror units=7
xw1a_0_0 c0_0 v0_0_p vdd_mirror vdd_mirror p_mirror units=85
xw1a_0_1 c0_0 v0_1_p vdd_mirror vdd_mirror p_mirror units=6
xw1b_0_2 c0_0 v0_2 vss vss n_mirror units=10
xw1b_1_0 c0_1 v0_0 vss vss n_mirror units=8
xw1b_1_1 c0_1 v0_1 vss vss n_mirror units=20
xw1b_1_2 c0_1 v0_2 vss vss n_mirror units=31
xw2a_1_0 v1_1 h0_0 vdd_mirror vdd_mirror p_mirror units=31
xw2a_1_1 v1_1 h0_1 vdd_mirror vdd_mirror p_mirror units=114
xw2b_0_0 v1_0 h0_0_n vss vss n_mirror units=29
xw2b_0_1 v1_0 h0_1_n vss vss n_mirror units=11
xw2b_2_0 v1_2 h0_0_n vss vss n_mirror units=15
xw2b_2_1 v1_2 h0_1_n vss vss n_mirror units=14
xw3a_0_0 y0 v1_0_p vdd_mirror vdd_mirror p_mirror units=29
xw3a_0_1 y0 v1_1_p vdd_mirror vdd_mirror p_mirror units=19
xw3a_0_2 y0 v1_2_p vdd_mirror vdd_mirror p_mirror units=3
xw3a_1_0 y1 v1_0_p vdd_mirror vdd_mirror p_mirror units=22
xw3a_1_2 y1 v1_2_p vdd_mirror vdd_mirror p_mirror units=33
xw3b_1_1 y1 v1_1 vss vss n_mirror units=104
xw4b_0_0 v0_0 iref vss vss n_mirror units=70
xw4b_1_0 v0_1 iref vss vss n_mirror units=8
xw4b_2_0 v0_2 iref vss vss n_mirror units=30
xw5a_1_0 c0_1 bias_p vdd_bias vdd_bias p_mirror units=26
xw5b_0_0 c0_0 iref vss vss n_mirror units=25
xw6a_0_0 v1_0 bias_p vdd_bias vdd_bias p_mirror units=81
xw6a_2_0 v1_2 bias_p vdd_bias vdd_bias p_mirror units=12
xw6b_1_0 v1_1 iref vss vss n_mirror units=221
xw7b_0_0 y0 iref vss vss n_mirror units=16
xw7b_1_0 y1 iref vss vss n_mirror units=27
xphi0 phi0 rst_b hd0 st0 vdd_clock vss strobe_driver hold_drive=1 step_drive=1
xu0_0 c0_0_np c0_0_pm h0_0 iref bias_p hd0 st0 rst rst_b vdd_memory vss cmru_unit_k2_s0
+ units=32 up=51 down=56 hold=16 width=32 gain=27
xu0_1 c0_1_np c0_1_pm h0_1 iref bias_p hd0 st0 rst rst_b vdd_memory vss cmru_unit_k2_s1
+ units=32 up=75 down=83 hold=16 width=32 gain=32
xrst rst rst_b vdd_clock vss inverter
.ends mru_chip
