* mru_hw 0.1.0 bench, design 7ed4b28f20245e48
* 4 frames of 0.025 s after 0.022421822 s of power-up and reset; the nominal chip
* corner tt, 27 degC, 1.8 V
* vtoken drives nothing: a hash of chip and bench as a voltage, which proves a result theirs
* inputs: 1.0 of a normalised feature is 1e-09 A
* outputs: 1.0 of the network's is 2.68628e-10 A
* energy of the frames: (p_mirror + p_memory + p_clock + p_bias + p_ref) times 0.1 s
* p_input: what the sources of the inputs deliver, as if from the supply; not in that sum
* p_clock in ngspice is within 10 % at these tolerances, mostly too large
* y<k>_f<t> [A]: output k at the end of frame t, counted from 0, 2.5 us before it; y<k>_end of the last frame
* readout mean, over all frames: the decision is the k of the largest y<k>_mean, the lowest of equals
vtoken token 0 0.1957085776
.lib 'models.lib' tt
.include 'chip.sp'
.temp 27
.option gmin=1e-17 abstol=1e-15 vntol=1e-5 chgtol=5e-15 trtol=250 reltol=2e-4 method=gear
+ gmindc=1e-17 runlvl=0 bypass=0 post=1 probe=1
vdd vdd 0 1.8
vin vin 0 1.8
vvdd_input vin vdd_input 0
vvdd_mirror vdd vdd_mirror 0
vvdd_memory vdd vdd_memory 0
vvdd_clock vdd vdd_clock 0
vvdd_bias vdd vdd_bias 0
vref vdd vref 0
ibias vref iref 1e-09
vy0 y0 0 0.9
vy1 y1 0 0.9
vrst rst 0 pwl( 0 0 1e-07 1.8 0.017421822 1.8 0.017421922 0 )
vphi0 phi0 0 pulse( 0 1.8 0.043671822 1e-07 1e-07 0.0001 0.025 )
ix0 vdd_input x0 pwl( 0 0 0.072421822 0 0.072431822 1e-09 0.097421822 1e-09 0.097431822 0 )
ixn0 x0 0 pwl( 0 1e-09 0.047421822 1e-09 0.047431822 0 0.097421822 0 0.097431822 1e-09 )
ix1 vdd_input x1 pwl( 0 0 0.047421822 0 0.047431822 1e-09 0.072421822 1e-09 0.072431822 0 )
ixn1 x1 0 pwl( 0 0 0.072421822 0 0.072431822 1e-09 0.097421822 1e-09 0.097431822 0 )
xchip x0 x1 y0 y1 phi0 rst iref vdd_mirror vdd_memory vdd_clock vdd_bias 0 mru_chip
.probe tran i(vdd) i(vvdd_mirror) i(vvdd_memory) i(vvdd_clock) i(vvdd_bias) i(vvdd_input)
+ i(vref) i(vy0)
.probe tran i(vy1) i1(xchip.xc0_0.xdn.m0) i1(xchip.xc0_0.xdp.m0) v(xchip.xu0_0.v1)
+ v(xchip.xu0_0.v2) v(xchip.xu0_0.v3) v(xchip.xu0_0.v4) i1(xchip.xh0_0.xd.m0)
.probe tran i1(xchip.xc0_1.xdn.m0) i1(xchip.xc0_1.xdp.m0) v(xchip.xu0_1.v1)
+ v(xchip.xu0_1.v2) v(xchip.xu0_1.v3) v(xchip.xu0_1.v4) i1(xchip.xh0_1.xd.m0) v(token)
.option delmax=0.001
.tran 0.001 0.122421822 uic
.measure tran i_mirror avg i(vvdd_mirror) from=0.022421822 to=0.122421822
.measure tran p_mirror param='1.8*i_mirror'
.measure tran i_memory avg i(vvdd_memory) from=0.022421822 to=0.122421822
.measure tran p_memory param='1.8*i_memory'
.measure tran i_clock avg i(vvdd_clock) from=0.022421822 to=0.122421822
.measure tran p_clock param='1.8*i_clock'
.measure tran i_bias avg i(vvdd_bias) from=0.022421822 to=0.122421822
.measure tran p_bias param='1.8*i_bias'
.measure tran i_input avg i(vvdd_input) from=0.022421822 to=0.122421822
.measure tran p_input param='1.8*i_input'
.measure tran i_ref avg i(vref) from=0.022421822 to=0.122421822
.measure tran p_ref param='1.8*i_ref'
.measure tran y0_f0 find i(vy0) at=0.047419322
.measure tran y1_f0 find i(vy1) at=0.047419322
.measure tran y0_f1 find i(vy0) at=0.072419322
.measure tran y1_f1 find i(vy1) at=0.072419322
.measure tran y0_f2 find i(vy0) at=0.097419322
.measure tran y1_f2 find i(vy1) at=0.097419322
.measure tran y0_f3 find i(vy0) at=0.122419322
.measure tran y1_f3 find i(vy1) at=0.122419322
.measure tran y0_end find i(vy0) at=0.122419322
.measure tran y1_end find i(vy1) at=0.122419322
.measure tran y0_mean param='(y0_f0+y0_f1+y0_f2+y0_f3)/4'
.measure tran y1_mean param='(y1_f0+y1_f1+y1_f2+y1_f3)/4'
.end
