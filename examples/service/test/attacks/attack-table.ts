import type { ServerName } from './attack-servers.js'

/**
 * What becomes of every attack on every route. A line is an attack, a column a route (`ROW_NAMES` says which); the words
 * are explained in `OUTCOMES`, those that stand for one thing here and another there in `DIFFERENCES`. A line that has no
 * `-` was sent to all routes: JSON also to those that take none, and is shown to be ignored there (`ok`).
 */
export const TABLE = `
# no token
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
no header at all                    401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
an empty header                     401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
Bearer, and no token                401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
the token as a member of the query  401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
the token in a cookie               401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
the token as a password of Basic    401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
the token in Proxy-Authorization    401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401

# wrong token
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
another one of the same length      401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
one more character                  401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
one character less                  401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
the last character another one      401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
the hash of the token               401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
two tokens in one header            401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
two words after Bearer              401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
a no-break space behind the token   401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
what other routes ask for           401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401

# expired token
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
since this moment                   401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401

# other scope
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
the scope to read the audit trail   403  403  403  403  403  403  403  403  403  403  403  -    403  401  less 403  403
the scope to list cases             403  -    403  403  403  403  403  403  403  403  403  403  403  401  less 403  403

# other user's case
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
to another user                     403  403  404  403  403  404  403  403  403  403  403  403  403  401  less 403  403
of nobody, to that user             403  403  404  403  403  404  403  403  403  403  403  403  403  401  less 403  403
to the Identity Service             403  403  404  404  404  403  403  403  403  403  403  403  403  401  less 403  403
of nobody, to that service          403  403  404  404  404  403  403  403  403  403  403  403  403  401  less 403  403

# method override
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
X-HTTP-Method-Override              ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
X-Method-Override and X-HTTP-Method ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
PATCH, overridden                   405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405
another method, overridden          405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405
_method in the query                ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
_method in the body                 form ok   ok   form ok   ok   form form form ok   ok   ok   ok   ok   ok   ok   ok
_method in a form                   415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   evt  ok   ok   ok
the method in lower case            n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
a method that nobody knows          n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
OPTIONS                             405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405
PATCH                               405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405
PROPFIND                            405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405
M-SEARCH                            405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405  405
TRACE                               trac trac trac trac trac trac trac trac trac trac trac trac trac trac trac trac trac
CONNECT                             end  end  end  end  end  end  end  end  end  end  end  end  end  end  end  end  end
HEAD                                -    ok   ok   405  405  405  405  405  405  ok   ok   ok   -    405  ok   ok   ok

# duplicate headers
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
Authorization, wrong one first      401  401  401  401  401  401  401  401  401  401  401  401  401  ok   less 401  401
Authorization, right one first      401  401  401  401  401  401  401  401  401  401  401  401  401  ok   less 401  401
Authorization, right one twice      401  401  401  401  401  401  401  401  401  401  401  401  401  ok   less 401  401
Authorization behind 2,000 headers  401  401  401  401  401  401  401  401  401  401  401  401  401  ok   less 401  401
Persona-Signature, wrong one first  ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Persona-Signature, right one first  ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Persona-Signature, right one ninth  ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   401  ok   ok   ok
Content-Length, twice the same      n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Length, two of them         n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Length, a list              n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Length and chunked          n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
chunked and Content-Length          n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
chunked, and identity               n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
chunked, and identity in another    n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
an unknown Transfer-Encoding        h400 s400 s400 h400 h400 h400 h400 h400 h400 s400 s400 s400 h400 h400 s400 s400 s400
chunked behind a vertical tab       n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
chunked, a space before the colon   n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Type, first JSON            415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
Content-Type, first a form          415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
Host                                ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Idempotency-Key                     ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
X-Original-URL and the like         ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
a folded header                     n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
a space before the colon            n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
a space in the name                 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
a line without a colon              n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
a line without a name               n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400

# encoded path tricks
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
/x/..                               dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots
/.                                  dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots
/. inside                           dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots
%2e%2e                              dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots
%2E                                 dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots dots
..;                                 app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
%2f for a slash                     app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
%2f.. in the id                     -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
%2e%2e%2f in the id                 -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
%5c for a slash                     app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
\\ for a slash                       targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ
a letter encoded                    app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
a letter encoded twice              app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
a digit of the id encoded           -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
the id in upper case, and a space   -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
two slashes at the start            app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
two slashes inside                  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
a slash at the end                  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
a parameter ;a=b                    app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
a dot at the end                    app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
.json at the end                    app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
%20 at the end                      app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
a raw space at the end              ok   n400 ok   ok   n400 ok   ok   ok   ok   n400 n400 n400 ok   ok   ok   ok   ok
upper case                          app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
another host: the absolute form     ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
the absolute form of https          ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
the absolute form, with a user      user user user user user user user user user user user user user user user user user
the absolute form of ftp            targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ
the form of an authority            n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
*                                   targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ targ
a fragment                          frag ok   frag frag ok   frag frag frag frag ok   ok   ok   frag frag frag frag frag
raw Latin-1                         n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
%c3%a9                              app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
% and no digits                     app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
an id of 8 KiB                      -    -    414  414  414  414  414  414  414  414  -    -    414  -    -    -    -
8 KiB of segments                   app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app  app
a query of 8 KiB                    414  414  414  414  414  414  414  414  414  414  414  414  414  414  414  414  414
a query of 500 members              ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
a query of 10,000 members           n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431
one member twice                    form form form form form form form form form form form form form form form form form
one member of the route twice       form form form form form form form form form form form form form form form form form

# prototype-pollution keys
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
__proto__                           json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
__proto__, as an escape             json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
__proto__ within                    json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
__proto__ in place of a text        json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
constructor.prototype               form ok   ok   form ok   ok   form form form ok   ok   ok   ok   ok   ok   ok   ok
constructor.prototype within        ok   ok   ok   form ok   ok   form form form ok   ok   ok   ok   ok   ok   ok   ok
hasOwnProperty, toString and toJSON form ok   ok   form ok   ok   form form form ok   ok   ok   ok   ok   ok   ok   ok
__proto__ in the query              ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
__proto__[polluted] in the query    ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
constructor[prototype] in the query ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
__proto__ as the id                 -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
constructor as the id               -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
a header __proto__                  ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok

# deep JSON
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
33 objects                          json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
33 arrays                           json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
33 arrays in place of a text        json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
1,000 objects                       json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
1,000 arrays                        json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
10,000 arrays                       json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
100,000 objects                     413  ok   ok   413  413  413  413  413  413  ok   ok   ok   413  ok   ok   ok   ok
100,000 arrays                      413  ok   ok   413  413  413  413  413  413  ok   ok   ok   413  ok   ok   ok   ok
100,000 arrays that never end       413  ok   ok   413  413  413  413  413  413  ok   ok   ok   413  evt  ok   ok   ok

# huge numbers
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
1e999 for a text                    form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
-0 for a text                       form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
2^53+1 for a text                   form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
400 digits for a text               form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
1e999 within                        ok   ok   ok   form ok   ok   form form form ok   ok   ok   ok   ok   ok   ok   ok
400 digits within                   ok   ok   ok   form ok   ok   form form form ok   ok   ok   ok   ok   ok   ok   ok
limit=1e999                         ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
limit=-0                            ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
limit=2^53+1                        ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
limit of 400 digits                 ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
limit=0x1                           ok   ok   ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
limit=1e0                           ok   ok   ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
limit=%201                          ok   ok   ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
limit= and nothing                  ok   form ok   ok   form ok   ok   ok   ok   form form form ok   ok   ok   ok   ok
a cursor of 400 digits              ok   arg  ok   ok   form ok   ok   ok   ok   arg  arg  arg  ok   ok   ok   ok   ok
Content-Length of 400 digits        n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Length=-1                   n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Length=0x10                 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
Content-Length=+5                   n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
telemetry of 400 digits             ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok

# invalid UTF-8
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
a continuation byte alone           json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
an overlong slash                   json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
an overlong NUL                     json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
half a surrogate pair, as in CESU-8 json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
a surrogate pair, as in CESU-8      json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
a character cut off                 json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
beyond Unicode                      json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
0xff                                json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
within                              json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
half a surrogate pair, as an escape form ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   evt  ok   ok   ok
%ff in the query                    ok   arg  ok   ok   form ok   ok   ok   ok   arg  arg  arg  ok   ok   ok   ok   ok
%ff in the id                       -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
raw, in Idempotency-Key             arg  ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok

# BOM
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
of UTF-8                            json ok   ok   json ok   ok   json json json ok   ok   ok   ok   ok   ok   ok   ok
of UTF-8, twice                     json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
of UTF-16, low byte first           json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
of UTF-16, high byte first          json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
none, but charset=utf-16            json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
of UTF-7                            json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok

# null bytes
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
\\u0000 in a text                    form ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   evt  ok   ok   ok
\\u0000 within                       ok   ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
raw, in a text                      json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
raw, behind the JSON                json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
raw, and nothing else               json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
%00 in the query                    ok   arg  ok   ok   form ok   ok   ok   ok   arg  arg  arg  ok   ok   ok   ok   ok
%00 in a cursor                     ok   arg  ok   ok   form ok   ok   ok   ok   arg  arg  arg  ok   ok   ok   ok   ok
%00 in the id                       -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
%00 behind the path                 app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
raw, in the path                    n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
raw, in a header                    n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
raw, in the name of a header        n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400

# CRLF
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
\\r\\n in a text                      form ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
\\r\\n within                         ok   ok   ok   form ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
raw, in a text                      json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
%0d%0a in the query                 ok   arg  ok   ok   form ok   ok   ok   ok   arg  arg  arg  ok   ok   ok   ok   ok
%0d%0a in the id                    -    -    404  404  404  404  404  404  404  404  -    -    404  -    -    -    -
%0d%0a behind the path              app  app  404  app  app  app  app  app  app  app  app  app  404  app  app  app  app
a line of its own, by the path      ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
raw CR in a header                  n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
raw LF in a header                  n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
LF for all line ends                n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
CR for all line ends                n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
%0d%0a in Idempotency-Key           ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok

# chunked without end
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
chunks of 64 KiB                    big? ok?  ok?  big? big? big? big? big? big? ok?  ok?  ok?  big? big? ok?  ok?  ok?
chunks of 64 KiB, by nobody         401? 401? 401? 401? 401? 401? 401? 401? 401? 401? 401? 401? 401? 401? les? 401? 401?
chunks of one byte, many            408  ok?  ok?  408  408  408  408  408  408  ok?  ok?  ok?  408  408  ok?  ok?  ok?
1 TiB, announced                    413? ok?  ok?  413? 413? 413? 413? 413? 413? ok?  ok?  ok?  413? 413? ok?  ok?  ok?
1 TiB, announced and not sent       413  ok   ok   413  413  413  413  413  413  ok   ok   ok   413  413  ok   ok   ok
a chunk of 2^72 bytes               h400 s400 s400 h400 h400 h400 h400 h400 h400 s400 s400 s400 h400 h400 s400 s400 s400
a chunk of no number                h400 s400 s400 h400 h400 h400 h400 h400 h400 s400 s400 s400 h400 h400 s400 s400 s400
the size of a chunk, in zeros       408  ok?  ok?  408  408  408  408  408  408  ok?  ok?  ok?  408  408  ok?  ok?  ok?
the extension of a chunk            h413 s413 s413 h413 h413 h413 h413 h413 h413 s413 s413 s413 h413 h413 s413 s413 s413
trailers                            h431 s431 s431 h431 h431 h431 h431 h431 h431 s431 s431 s431 h431 h431 s431 s431 s431
headers                             n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431
the value of a header               n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431
the path                            n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431 n431
line ends before a request          n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408

# 1-byte drip
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
a whole request, byte by byte       ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
a body that never ends              408  ok?  ok?  408  408  408  408  408  408  ok?  ok?  ok?  408  408  ok?  ok?  ok?
chunks of one byte that never end   408  ok?  ok?  408  408  408  408  408  408  ok?  ok?  ok?  408  408  ok?  ok?  ok?
a body that never ends, by nobody   401  401? 401? 401  401  401  401  401  401  401? 401? 401? 401  401  les? 401? 401?
a body that never starts            408  ok   ok   408  408  408  408  408  408  ok   ok   ok   408  408  ok   ok   ok
a head that never ends              n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408
a head that never starts            n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408
nothing at all                      n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408 n408

# pipelined
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
behind a refused one                ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
before a refused one                ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
as the body of a refused one        401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
as chunks of a refused one          401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
five of them                        ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
more body than Content-Length says  lost lost lost lost lost lost lost lost lost lost lost lost lost lost lost lost lost

# aborted
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
in the head                         n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
in the head, by RST                 end  end  end  end  end  end  end  end  end  end  end  end  end  end  end  end  end
in the body                         h400 gone gone h400 h400 h400 h400 h400 h400 gone gone gone h400 h400 gone gone gone
in the body, by RST                 endh gone gone endh endh endh endh endh endh gone gone gone endh endh gone gone gone
before the body, by RST             endh gone gone endh endh endh endh endh endh gone gone gone endh endh gone gone gone
behind the request                  gone gone gone gone gone gone gone gone gone gone gone gone gone gone gone gone gone
behind the request, by RST          gone gone gone gone gone gone gone gone gone gone gone gone gone gone gone gone gone

# media types
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
a form                              415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   evt  ok   ok   ok
multipart                           415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   evt  ok   ok   ok
JSON as a form                      415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
JSON as text                        415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
JSON as text, and JSON a parameter  415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
JSON as XML                         415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
JSON as a relative of JSON          415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
JSON as nothing                     415  ok   ok   415  ok   ok   415  415  415  ok   ok   ok   ok   ok   ok   ok   ok
an empty body                       json ok   ok   json ok   ok   ok   ok   ok   ok   ok   ok   ok   evt  ok   ok   ok
a body of spaces                    json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
null                                form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
an array of the right one           form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
a text                              form ok   ok   form ok   ok   form form form ok   ok   ok   ok   evt  ok   ok   ok
two of them                         json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
gzip                                json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
gzip, and its name                  json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
a bomb of gzip                      json ok   ok   json ok   ok   json json json ok   ok   ok   ok   evt  ok   ok   ok
a bomb of gzip as Transfer-Encoding h400 s400 s400 h400 h400 h400 h400 h400 h400 s400 s400 s400 h400 h400 s400 s400 s400

# other protocols
                                    new  list read put  clr  res  appr decl mark hist feed aud  eras hook hlth desc page
HTTP/1.0                            ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
HTTP/0.9                            n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
HTTP/1.2                            n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
HTTP/2.0                            ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
the preface of HTTP/2               n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
the hello of TLS                    n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
no Host                             n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400 n400
a Host that is none                 host host host host host host host host host host host host host host host host host
Expect: 100-continue                ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Expect: 100-continue, by nobody     401  401  401  401  401  401  401  401  401  401  401  401  401  401  less 401  401
Expect what nobody knows            n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417 n417
Upgrade to a WebSocket              ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
Upgrade to h2c                      ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   ok
`

const LAST_WORDS =
  'Not all of the body is read, of a GET none, and the answer ends the connection. The adapter of Express goes on reading ' +
  'for a moment; with the server of Hono, TCP may take the answer back from a client that goes on sending.'

/** Where the two HTTP servers rightly differ. */
export const DIFFERENCES: Readonly<
  Record<string, Readonly<Record<ServerName, string>> & { readonly because: string }>
> = {
  dots: {
    express: 'app',
    hono: 'ok',
    because:
      'The server of Hono resolves dot segments before any middleware sees the path, guards included. Express routes by ' +
      'the path as it was sent, so the adapter takes no other spelling of it.',
  },
  frag: {
    express: 'app',
    hono: 'ok',
    because: 'The server of Hono drops a fragment before any middleware sees the path; to Express it is a part of it.',
  },
  targ: {
    express: 'app',
    hono: 'n400',
    because: 'The server of Hono refuses a target that is no path of its own accord; Express hands it to the app.',
  },
  trac: {
    express: 'app',
    hono: '405',
    because: 'A Request of the web cannot be a TRACE, so the adapter of Express leaves it to the app; Hono makes one.',
  },
  host: {
    express: 'ok',
    hono: 'n400',
    because:
      'The server of Hono makes URLs of Host, and refuses one that is none; the adapter of Express never reads it.',
  },
  user: {
    express: 'ok',
    hono: 'cred',
    because: 'The server of Hono makes URLs of absolute targets; the adapter of Express reads their path only.',
  },
  'ok?': {
    express: 'ok',
    hono: 'ok/e',
    because: LAST_WORDS,
  },
  '401?': {
    express: '401',
    hono: '401e',
    because: LAST_WORDS,
  },
  'les?': {
    express: 'less',
    hono: 'lese',
    because: LAST_WORDS,
  },
  'big?': {
    express: 'big',
    hono: 'bige',
    because: LAST_WORDS,
  },
  '413?': {
    express: '413',
    hono: '413e',
    because: LAST_WORDS,
  },
}

/** Why an attack cannot be made on a route: what `-` stands for. */
export const REASONS: readonly {
  readonly lines: RegExp
  readonly rows: readonly string[]
  readonly because: string
}[] = [
  {
    lines: /(in|as) the id$|^the id in upper case|^an id of 8 KiB$|^a digit of the id encoded$/,
    rows: ['new', 'list', 'feed', 'aud', 'hook', 'hlth', 'desc', 'page'],
    because: 'The path names no case.',
  },
  {
    lines: /^HEAD$/,
    rows: ['new', 'eras'],
    because: 'Its path has GET too, and HEAD with it: that is another column of this line.',
  },
  {
    lines: /^the scope to list cases$/,
    rows: ['list'],
    because: 'It is the right scope here. The line before has the wrong one.',
  },
  {
    lines: /^the scope to read the audit trail$/,
    rows: ['aud'],
    because: 'It is the right scope here. The next line has the wrong one.',
  },
]
