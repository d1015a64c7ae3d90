/* Nothing at all: what Node itself takes. */

console.log(performance.now())
