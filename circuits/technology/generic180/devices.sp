* Device classes of generic180, made from technology.yaml
.subckt n_mirror d g s b units=1
m0 d g s b nch w=5e-07 l=4e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_mirror d g s b units=1
m0 d g s b pch w=5e-07 l=4e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_split d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m={units}
.ends
.subckt n_cell d g s b units=1
m0 d g s b nch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_cell d g s b units=1
m0 d g s b pch w=1e-06 l=4e-06 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m={units}
.ends
.subckt n_switch d g s b units=1
m0 d g s b nch w=4.2e-07 l=3.5e-07 ad=2.016e-13 as=2.016e-13 pd=1.8e-06 ps=1.8e-06 m={units}
.ends
.subckt p_switch d g s b units=1
m0 d g s b pch w=4.2e-07 l=3.5e-07 ad=2.016e-13 as=2.016e-13 pd=1.8e-06 ps=1.8e-06 m={units}
.ends
.subckt n_logic d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_logic d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m={units}
.ends
.subckt n_guard d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_guard d g s b units=1
m0 d g s b pch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt n_medium d g s b units=1
m0 d g s b nch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_medium d g s b units=1
m0 d g s b pch w=5e-07 l=2e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt n_slow d g s b units=1
m0 d g s b nch w=5e-07 l=8e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_slow d g s b units=1
m0 d g s b pch w=5e-07 l=8e-06 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt n_delay d g s b units=1
m0 d g s b nch w=5e-07 l=2e-05 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_delay d g s b units=1
m0 d g s b pch w=5e-07 l=2e-05 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt n_driver d g s b units=1
m0 d g s b nch w=5e-07 l=5e-07 ad=2.4e-13 as=2.4e-13 pd=1.96e-06 ps=1.96e-06 m={units}
.ends
.subckt p_driver d g s b units=1
m0 d g s b pch w=1e-06 l=5e-07 ad=4.8e-13 as=4.8e-13 pd=2.96e-06 ps=2.96e-06 m={units}
.ends
.subckt c_state a b
c0 a b mim w=4.5e-06 l=4.5e-06
.ends
