"""Where imports of Java, Kotlin and Scala lead."""

import pytest

from support.arrows import arrows, led, workspace

LAYOUTS = {
    "java": """
=== core/src/main/java/com/acme/core/Shape.java
package com.acme.core;

import java.util.List; // -> nothing
import com.acme.util.Maths; // -> util/src/main/java/com/acme/util/Maths.java
import static com.acme.util.Maths.PI; // -> util/src/main/java/com/acme/util/Maths.java
import static com.acme.util.Maths.Inner.run; // -> util/src/main/java/com/acme/util/Maths.java
import com.acme.util.Maths.Inner; // -> util/src/main/java/com/acme/util/Maths.java
import com.acme.none.Maths; // -> nothing

class Shape {}
=== core/src/test/java/com/acme/core/T.java
package com.acme.core;

import com.acme.core.Shape; // -> core/src/main/java/com/acme/core/Shape.java
=== util/src/main/java/com/acme/util/Maths.java
package com.acme.util;

public class Maths { public static double PI = 3; static class Inner { static void run() {} } }
=== util/src/main/java/com/acme/util/Text.java
package com.acme.util;

import com.acme.core.*; // -> core/src/main/java/com/acme/core/Shape.java core/src/test/java/com/acme/core/T.java
import static com.acme.util.Maths.*; // -> util/src/main/java/com/acme/util/Maths.java

class Text {}
""",
    "the same class in two modules": """
=== one/src/main/java/p/q/Same.java
package p.q;
=== two/src/main/java/p/q/Same.java
package p.q;
=== two/src/main/java/p/Use.java
package p;

import p.q.Same; // -> two/src/main/java/p/q/Same.java
""",
    "scala": """
=== src/main/scala/com/acme/run/Run.scala
package com.acme.run

import com.acme.model.{Shape, Area => A} // -> src/main/scala/com/acme/model/Model.scala
import com.acme.model._ // -> src/main/scala/com/acme/model/Model.scala
import com.acme.model.Area // -> src/main/scala/com/acme/model/Model.scala
import scala.util.Try // -> nothing

class Run
=== src/main/scala/com/acme/model/Model.scala
package com.acme.model

class Shape
class Area
""",
    "kotlin": """
=== app/src/main/kotlin/ui/Screen.kt
package com.acme.app.ui

import com.acme.app.data.Repository // -> app/src/main/kotlin/data/Storage.kt
import com.acme.app.data.load as loadAll // -> app/src/main/kotlin/data/Storage.kt
import com.acme.legacy.Old // -> app/src/main/java/com/acme/legacy/Old.java
import com.acme.legacy.Old.run // -> app/src/main/java/com/acme/legacy/Old.java
import com.other.data.missing // -> nothing

class Screen
=== app/src/main/kotlin/data/Storage.kt
package com.acme.app.data

class Repository
fun load() {}
=== app/src/main/java/com/acme/legacy/Old.java
package com.acme.legacy;

class Old { static void run() {} }
""",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(text: str) -> None:
    index = workspace(text)
    said = arrows(index)
    assert said
    assert led(index, said) == said
